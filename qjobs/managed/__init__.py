"""The library face: the predecessor's job manager, on the engine and the state of the command."""

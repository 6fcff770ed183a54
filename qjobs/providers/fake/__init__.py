"""The provider of scripted faults: nothing is simulated, everything can be made to go wrong."""

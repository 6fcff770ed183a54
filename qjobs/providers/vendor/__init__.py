"""Other people's provider packages, named in the config file, each in a process of its own."""

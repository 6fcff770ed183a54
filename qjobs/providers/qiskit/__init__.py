"""Other people's backend objects: running circuits on them, and reading their jobs."""

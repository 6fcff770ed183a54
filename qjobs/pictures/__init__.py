"""Pictures of results: what is to be seen, as frozen values, and those that draw it."""

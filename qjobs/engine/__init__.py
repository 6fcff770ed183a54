"""The use-cases, one a module: they return or yield values and never print."""

"""A job set as one static page in HTML: what was run, how it went, and what came of it."""

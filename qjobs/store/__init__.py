"""The state on disk: job sets, their journals, their result files."""

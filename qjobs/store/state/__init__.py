"""The format of `state.toml`: how it is written, read and mended."""

"""The command line: arguments become one use-case, its values are rendered."""

"""The command line: arguments become one use-case, its outcome text and an exit code."""

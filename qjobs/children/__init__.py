"""Ask a child process, with a deadline, and know how it died."""

"""Ask a child process of ours, with a deadline, and know what it died of."""

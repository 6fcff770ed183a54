"""Making a set: what is asked for becomes circuits and a plan on the disk."""

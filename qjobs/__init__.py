"""qjobs: split large batches of quantum circuits into jobs, run them, and lose none."""

__version__ = "0.1.0"

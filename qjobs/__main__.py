"""The way in of `qjobs` and of `python -m qjobs`."""

import gc

GC_THRESHOLD = (50_000, 20, 20)
"""A command makes many objects that live as long as it does: to look for cycles among them as
often as Python does would be a tenth of its start, and half of reading a large set."""


def main() -> None:
    """Run the command line of this process."""
    gc.set_threshold(*GC_THRESHOLD)  # before anything is imported
    from qjobs.cli.main import main

    try:
        main()
    finally:
        # Python looks for cycles once more when it ends, among all that is about to go anyway.
        gc.freeze()


if __name__ == "__main__":
    main()

"""The way in of `qjobs` and of `python -m qjobs`."""

import gc


def main() -> None:
    """Run the command line of this process."""
    # Before anything is imported: a command makes many objects that live as long as it does, and
    # to look for cycles among them as often as Python does would be a tenth of its start.
    gc.set_threshold(50_000, 20, 20)
    from qjobs.cli.main import main

    main()


if __name__ == "__main__":
    main()

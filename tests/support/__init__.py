"""What tests of several parts need: programs to run, providers to play, circuits, references."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
"""The folder of the tests, from which programs that tests start import this package."""

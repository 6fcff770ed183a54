"""`python -m qjobs`."""

from qjobs.cli.main import main

main()

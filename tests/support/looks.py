"""Scripts that look at a page as a person does: what is too pale, too small, or sticks out.

Each gives a list of what it finds, a line for each fault.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent
ILLEGIBLE = (_FOLDER / "illegible.js").read_text()
STICKS_OUT = (_FOLDER / "sticks_out.js").read_text()

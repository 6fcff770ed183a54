"""Names that are nearly the one that somebody wrote."""

from collections.abc import Collection


def near_ones(name: str, names: Collection[str], *, prefix: str = "") -> str:
    """The end of a sentence that says there is no `name`; empty if none of `names` is near.

    A `prefix` that all of them have stands before each, and makes none of them nearer.
    """
    # Imported here: it is only needed when something is wrong.
    from difflib import get_close_matches

    near = [prefix + one for one in get_close_matches(name, names, n=3)]
    return f"; near ones: {', '.join(near)}" if near else ""

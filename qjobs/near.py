"""Names that are nearly the one that somebody wrote."""

from collections.abc import Collection


def near_ones(name: str, names: Collection[str]) -> str:
    """The end of a sentence that says there is no `name`; empty if none of `names` is near."""
    # Imported here: it is only needed when something is wrong.
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=3)
    return f"; near ones: {', '.join(near)}" if near else ""

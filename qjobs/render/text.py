"""Text from outside made safe to print, and numbers made easy to read."""

from datetime import UTC, datetime

# Control characters, and the direction marks that make a line read other than it is: shown,
# never sent to a terminal. Undecodable bytes of file names are shown as the bytes they are.
_ESCAPES = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F))},
    **{code: f"\\u{code:04x}" for code in range(0x2066, 0x206A)},
    **{code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)},
    ord("\t"): "\\t",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
}


_UNITS = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))


def clean(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def first_line(text: str) -> str:
    """The first line of a message, cleaned."""
    return clean(text.split("\n", 1)[0])


def rfc3339(moment: datetime) -> str:
    """A time in UTC as `2026-11-22T05:00:00Z`, with microseconds where it has some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """A time in its two largest units, such as `1 h 12 min`, and less than a minute in seconds."""
    whole = max(0, int(seconds))
    for unit, size, smaller, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def time_left(seconds: float) -> str:
    """An estimate, no finer than it deserves: `about 3 min left`."""
    rounded = round(seconds / 60) * 60 if 60 <= seconds < 3_600 else seconds
    return f"about {duration(rounded)} left"


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

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


def clean(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def first_line(text: str) -> str:
    """The first line of a message, cleaned."""
    return clean(text.split("\n", 1)[0])


def rfc3339(moment: datetime) -> str:
    """A time in UTC as `2026-11-22T05:00:00Z`, with microseconds where it has some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def ago(moment: datetime, now: datetime) -> str:
    """How long ago that was, in its largest unit: `3 h ago`; a clock may have been set back."""
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return "just now"
    unit, size = next(pair for pair in _UNITS if seconds >= pair[1])
    return f"{int(seconds // size)} {unit} ago"


def until(moment: datetime, now: datetime) -> str:
    """How soon that is, in its largest unit: `in 5 min`."""
    words = ago(now, moment)
    return "now" if words == "just now" else f"in {words.removesuffix(' ago')}"


def duration(seconds: float) -> str:
    """A span of time in its two largest units, or one and a tenth: `2 h 5 min`, `42 s`, `0.3 s`."""
    if seconds < 0.05:
        return "< 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    at = next(at for at, (_, size) in enumerate(_UNITS) if whole >= size)
    unit, size = _UNITS[at]
    rest = whole % size // _UNITS[at + 1][1] if at + 1 < len(_UNITS) else 0
    return f"{whole // size} {unit}" + (f" {rest} {_UNITS[at + 1][0]}" if rest else "")


def elapsed(seconds: float) -> str:
    """A span of time that goes on, in whole seconds: `0 s`, `1 min 5 s`."""
    return duration(int(seconds)) if seconds >= 60 else f"{int(seconds)} s"


def time_left(seconds: float) -> str:
    """An estimate, no finer than it deserves: `about 3 min left`."""
    rounded = round(seconds / 60) * 60 if 60 <= seconds < 3_600 else seconds
    return f"about {elapsed(rounded)} left"


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(size_bytes: int) -> str:
    """`512 B`, `1.2 kB`, `34 MB`: two digits at least, in powers of 1000."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    units = iter(("kB", "MB", "GB", "TB", "PB"))
    number, unit = size_bytes / 1000, next(units)
    while number >= 999.5 and unit != "PB":
        number, unit = number / 1000, next(units)
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"

"""Numbers and times in the words of the page."""

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `40 ms`, `1.5 s`, `3 min 4 s`, `2 d 5 h`."""
    if 0.0005 <= seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s" if round(seconds, 1) % 1 else f"{seconds:.0f} s"
    left = round(seconds)
    parts = []
    for unit, size in (*_UNITS, ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)

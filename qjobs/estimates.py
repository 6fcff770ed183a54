"""A value and its standard error in as many digits as the error has meaning."""

from math import floor, log10

_LEAST, _MOST = 1e-15, 1e15  # between these a float is written without an exponent


def with_error(value: float, error: float | None) -> str:
    """Write `-0.98 ± 0.02`: the error in one digit, in two if the first is a 1, the value alike.

    Without an error, or with one of 0, the value has six digits behind the point.
    """
    if error is None:
        return f"{value:+.6f}" if abs(value) < _MOST else f"{value:+.6g}"
    if error == 0 and abs(value) < _MOST:
        return f"{value:+.6f} ± 0.000000"
    if not (abs(value) < _MOST and _LEAST < error < _MOST):
        return f"{value:+.6g} ± {error:.2g}"
    place = floor(log10(error))
    if error / 10.0**place < 1.95:
        place -= 1
    digits = max(0, -place)
    return f"{round(value, -place):+.{digits}f} ± {round(error, -place):.{digits}f}"

"""The shape and type of a .npy file, read from its head without NumPy."""

import ast
from typing import NamedTuple

_KINDS = {"f": "float", "c": "complex", "i": "int", "u": "uint"}


class ArrayHead(NamedTuple):
    """The type of an array's numbers, such as `complex128`, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {' x '.join(map(str, self.shape)) or 'number'}"


def read_head(npy: bytes) -> ArrayHead:
    """Read the head, as https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.

    What it does not tell is `unknown`: the bytes came from a provider.
    """
    try:
        wide = 2 if npy[6] == 1 else 4
        start = 8 + wide
        end = start + int.from_bytes(npy[8:start], "little")
        fields = ast.literal_eval(npy[start:end].decode())
        kind = str(fields["descr"]).lstrip("<>|=")
        name = f"{_KINDS[kind[0]]}{8 * int(kind[1:])}" if kind[0] in _KINDS else kind
        return ArrayHead(name, tuple(map(int, fields["shape"])))
    except (ValueError, SyntaxError, KeyError, TypeError, IndexError, RecursionError, MemoryError):
        return ArrayHead("unknown", ())

"""The kinds of files that a picture can be, by their ends."""

from io import BytesIO
from pathlib import Path

from qjobs.errors import UsageError
from qjobs.pictures.picture import Picture

_PRINTED = {".png": "png", ".pdf": "pdf"}
_KINDS = (".svg", ".html", *_PRINTED)


def check_kind(place: str) -> None:
    """Raise UsageError, before any work is done for it, for a file that cannot be drawn."""
    suffix = Path(place).suffix.lower()
    if suffix not in _KINDS:
        raise UsageError(
            f"cannot tell from {place!r} what kind of picture to draw",
            hint=f"end it in one of {', '.join(_KINDS)}",
        )
    if suffix in _PRINTED:
        from qjobs.pictures.printed import check_installed

        check_installed()


def drawn(picture: Picture, place: str) -> bytes:
    """The picture as the contents of a file of that name, which `check_kind` let pass."""
    # Imported here: of these, one is needed.
    match Path(place).suffix.lower():
        case ".svg":
            from qjobs.pictures.svg.drawing import picture_svg

            return f"{picture_svg(picture)}\n".encode()
        case ".html":
            from qjobs.pictures.svg.page import page

            return page(picture).encode()
        case suffix:
            from qjobs.pictures.printed import write_picture

            stream = BytesIO()
            write_picture(picture, stream, _PRINTED[suffix])
            return stream.getvalue()

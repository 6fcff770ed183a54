"""Pictures in files: which kind a name asks for, and how it gets there."""

from pathlib import Path
from typing import IO

from qjobs.errors import UsageError
from qjobs.pictures.picture import Picture
from qjobs.render.files import replacing
from qjobs.render.output import Output
from qjobs.render.text import count

_PRINTED = {".png": "png", ".pdf": "pdf"}
_KINDS = (".svg", ".html", *_PRINTED)


def check_picture(place: str | None) -> None:
    """Raise UsageError, before any work is done for it, for a file that cannot be drawn."""
    if place is None:
        return
    suffix = Path(place).suffix.lower()
    if suffix not in _KINDS:
        raise UsageError(
            f"cannot tell from {place!r} what kind of picture to draw",
            hint=f"end it in one of {', '.join(_KINDS)}",
        )
    if suffix in _PRINTED:
        from qjobs.pictures.printed import check_installed

        check_installed()


def save_picture(output: Output, picture: Picture, place: str) -> None:
    """Draw it into the file `place`, which is there as a whole or as it was. Raises UsageError."""
    path = Path(place)
    with replacing(path) as stream:
        match path.suffix.lower():
            case ".svg":
                from qjobs.pictures.svg.drawing import picture_svg

                stream.write(f"{picture_svg(picture)}\n")
            case ".html":
                from qjobs.pictures.svg.page import page

                stream.write(page(picture))
            case suffix:
                from qjobs.pictures.printed import write_picture

                binary: IO[bytes] = stream.buffer
                write_picture(picture, binary, _PRINTED[suffix])
    output.note(f"{count(len(picture.panels), 'panel')} in {path}")

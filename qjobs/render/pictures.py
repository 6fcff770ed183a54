"""Pictures in files."""

from pathlib import Path

from qjobs.pictures.kinds import drawn
from qjobs.pictures.picture import Picture
from qjobs.render.files import replacing
from qjobs.render.output import Output
from qjobs.render.text import count


def save_picture(output: Output, picture: Picture, place: str) -> None:
    """Draw it into the file `place`, which is there as a whole or as it was. Raises UsageError."""
    path = Path(place)
    contents = drawn(picture, place)
    with replacing(path) as stream:
        stream.buffer.write(contents)
    output.note(f"{count(len(picture.panels), 'panel')} in {path}")

"""The frame that curves and heat maps stand in: two axes, their marks and what they are."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from qjobs.pictures import axis
from qjobs.pictures.svg.paper import PAD, TEXT_PX, draw, say, text_width

MARK_PX = TEXT_PX - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """An area of the picture, and the values at its edges. Larger y are further up."""

    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """The place of a value on the x axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """The place of a value on the y axis."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def framed(
    parent: ET.Element,
    top: float,
    right: float,
    height: float,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    *,
    x_label: str,
    y_label: str,
    grid: bool = True,
) -> Frame:
    """Draw the axes of an area of that height, whose right edge is at `right`."""
    if y_label:
        say(parent, PAD, top + TEXT_PX - 2, y_label, fill="muted")
        top += TEXT_PX + 8
    y_marks, x_marks = axis.ticks(*y_range), axis.ticks(*x_range, most=6)
    y_texts, x_texts = axis.labels(y_marks), axis.labels(x_marks)
    left = PAD + max(text_width(text, MARK_PX) for text in y_texts) + 6
    frame = Frame(left, top, right, top + height, x_range, y_range)
    for value, text in zip(y_marks, y_texts, strict=True):
        y = frame.y(value)
        if grid:
            draw(parent, "path", stroke="axis" if value == 0 else "grid", fill="none",
                 d=f"M{left:.2f} {y:.2f}H{right:.2f}")  # fmt: skip
        say(parent, left - 6, y + 4, text, fill="muted", text_anchor="end", font_size=MARK_PX)
    for value, text in zip(x_marks, x_texts, strict=True):
        x = frame.x(value)
        draw(parent, "path", stroke="axis", fill="none", d=f"M{x:.2f} {frame.bottom:.2f}v4")
        say(parent, x, frame.bottom + 17, text, fill="muted", text_anchor="middle",
            font_size=MARK_PX)  # fmt: skip
    draw(
        parent, "path", stroke="axis", fill="none", d=f"M{left:.2f} {frame.bottom:.2f}H{right:.2f}"
    )
    say(parent, (left + right) / 2, frame.bottom + 34, x_label, text_anchor="middle")
    return frame


BELOW_PX = 34 + PAD  # the marks and the name of the x axis

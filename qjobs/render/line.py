"""The last line of a terminal, which says what is waited for: it comes late, moves, and goes.

It is on stderr, for a person. The cursor is never hidden: so nothing has to bring it back, however
the process ends.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, TypeAlias, cast

LATE_S = 0.15
"""What is over by then is not worth a line."""
_ERASE = "\r\x1b[K"
_USUAL_COLUMNS = 80

Drawing: TypeAlias = Callable[[int], str]
"""What the line is now, for a terminal of so many columns."""


class Line:
    """The line of a terminal. Any thread may call a method."""

    def __init__(
        self, descriptor: int = 2, *, late_s: float = LATE_S, every_s: float = 0.1
    ) -> None:
        self._descriptor = descriptor
        self._late_s = late_s
        self._every_s = every_s
        self._mutex = threading.RLock()
        self._drawing: Drawing | None = None
        self._over = threading.Event()
        self._stays = False
        self._drawn = False
        self._begun = False  # somebody else has written a line that has not come to its end
        self._streams: list[tuple[str, TextIO]] = []

    def show(self, drawing: Drawing, *, stays: bool = False) -> None:
        """Have the line show this, late or from now on, until it is taken away.

        If it `stays`, it comes back where it gave way.
        """
        with self._mutex:
            shown = self._drawing is not None
            self._drawing, self._stays = drawing, stays
            if not shown and sys.stderr is not None:
                self._begun = False
                self._over = threading.Event()
                self._take_streams()
                threading.Thread(target=self._run, args=(self._over,), daemon=True).start()

    def go_on(self) -> bool:
        """Be drawn again; whether it was not, because the user had been asked something."""
        was_held, self._begun = self._begun, False
        return was_held

    def take_away(self) -> None:
        """Show nothing any more."""
        with self._mutex:
            if self._drawing is None:
                return
            self._over.set()
            self._drawing = None
            self.make_room()
            self._give_streams_back()

    def give_way(self) -> None:
        """Let what comes on stdout have its place, which may be the same terminal."""
        if self._drawing is None:
            return
        if self._stays:
            self.make_room()
        else:
            self.take_away()

    @property
    def drawing(self) -> Drawing | None:
        """What it shows, or is about to."""
        return self._drawing

    def make_room(self) -> None:
        """Erase the line, so that something else can be written in its place."""
        with self._mutex:
            if self._drawn:
                self._drawn = False
                self._put(_ERASE)

    def write(self, stream: TextIO, text: str) -> int:
        """Write above the line."""
        with self._mutex:
            self.make_room()
            if text:
                self._begun = not text.endswith("\n")
            written = stream.write(text)
            stream.flush()
            return written

    def erase_at_once(self) -> bool:
        """Erase it where a signal came at any moment; whether there was one."""
        if self._drawn:
            self._put(_ERASE)
        return self._drawn

    def _run(self, over: threading.Event) -> None:
        pause_s = self._late_s
        while not over.wait(pause_s):
            pause_s = self._every_s
            with self._mutex:
                if not (over.is_set() or self._begun) and self._is_ours():
                    self._draw()

    def _draw(self) -> None:
        drawing = self._drawing
        if drawing is not None:
            text = drawing(self._columns())
            # What is too long all the same is cut by the terminal, which else would begin a line.
            self._put(f"\r\x1b[?7l{text}\x1b[K\x1b[?7h\r")
            self._drawn = True

    def _put(self, text: str) -> None:
        """Write past Python's buffer: half of a line would stay in it."""
        with suppress(OSError):  # nobody may be there to see it
            os.write(self._descriptor, text.encode(errors="replace"))

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or _USUAL_COLUMNS
        except OSError:
            return _USUAL_COLUMNS

    def _is_ours(self) -> bool:
        """Whether the shell has not put us into its background, where a line is in its way."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return True

    def _take_streams(self) -> None:
        """Have what anybody writes on stderr go above the line; our stdout may be stderr."""
        real = sys.stderr
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is real:
                self._streams.append((name, real))
                setattr(sys, name, cast("TextIO", _Above(self, real)))

    def _give_streams_back(self) -> None:
        while self._streams:
            setattr(sys, *self._streams.pop())


class _Above:
    """A stream to the terminal that has the line; all else is as with the stream itself."""

    def __init__(self, line: Line, stream: TextIO) -> None:
        self._line = line
        self._stream = stream

    def write(self, text: str) -> int:
        return self._line.write(self._stream, text)

    def writelines(self, lines: Any) -> None:
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


LINE = Line()
"""That of this process."""

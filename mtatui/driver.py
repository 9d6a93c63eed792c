"""Textual's driver for a terminal that may go away at any time.

When a terminal goes away the kernel sends SIGHUP and SIGCONT, and every write fails. Textual takes SIGCONT
for the return from ctrl+z and starts the terminal once more, and its writing thread dies of the failed write:
once that thread's queue is full, the event loop waits for it for ever, and a running verb with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import termios
from typing import IO, Any, ClassVar

from textual.drivers.linux_driver import LinuxDriver

from mtatui.screens.glance import ENTER, Glance

_RESET, _STYLE = "\x1b[0m", "\x1b["
#: A style of nothing but two colours.
_PLAIN = re.compile(r"(38;2;[0-9]+;[0-9]+;[0-9]+);(48;2;[0-9]+;[0-9]+;[0-9]+)(?=m)").match


class SteadyDriver(LinuxDriver):
    """Writes to a terminal as long as there is one, and after that to nobody."""

    #: Who has the terminal until the app does.
    glance: ClassVar[Glance | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._file: Any = _Forgiving(self._file)

    def write(self, data: str) -> None:
        """Write; but where the first rows are shown already the screen that they are on is not asked for:
        that would clear them."""
        if data == ENTER and self.glance is not None and self.glance.hand_over():
            return
        super().write(thrifty(data))

    def _sigcont_application(self, *args: Any) -> None:
        try:
            termios.tcgetattr(self.fileno)
        except termios.error:
            return  # nobody has come back: the terminal is gone
        super()._sigcont_application(*args)


def let_go_of_terminal() -> None:
    """Put a silent terminal where the keyboard was and nothing where the screen was.

    On the dead one Textual's input thread would spin and its writer would block for ever. The new one answers
    a read at once with nothing (VMIN and VTIME 0, termios(3)), for the thread may be about to read.
    """
    master, silent = os.openpty()
    os.set_inheritable(master, False)
    mode = termios.tcgetattr(silent)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    mode[6][termios.VMIN] = mode[6][termios.VTIME] = 0
    termios.tcsetattr(silent, termios.TCSANOW, mode)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 0)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def thrifty(frame: str) -> str:
    """A frame in fewer bytes. Textual ends every style and says the next one whole; where only the colour of
    the letters changes, that is all that has to be said."""
    first, *rest = frame.split(_RESET + _STYLE)
    pieces = [first]
    ground = _ground(first)
    for piece in rest:
        plain = _PLAIN(piece)
        if plain is not None and plain[2] == ground:
            pieces.append(f"{_STYLE}{plain[1]}{piece[plain.end(2) :]}")
        else:
            pieces.append(f"{_RESET}{_STYLE}{piece}")
        ground = _ground(_STYLE + piece)
    return "".join(pieces)


def _ground(written: str) -> str:
    """The background that is left when this has been written, "" where more than two colours is."""
    plain = _PLAIN(written, written.rfind(_STYLE) + len(_STYLE)) if _STYLE in written else None
    return plain[2] if plain is not None else ""


class _Forgiving:
    """A file for which a failed write is no error: whoever should read it is gone."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.fileno = file.fileno

    def write(self, text: str) -> None:
        """Write, or do not."""
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Flush, or do not."""
        with contextlib.suppress(OSError):
            self._file.flush()

"""Textual's driver for a terminal that may go away at any time.

When a terminal goes away the kernel sends SIGHUP and SIGCONT, and every write fails. Textual takes SIGCONT
for the return from ctrl+z and starts the terminal once more, and its writing thread dies of the failed write:
once that thread's queue is full, the event loop waits for it for ever, and a running verb with it.
"""

from __future__ import annotations

import contextlib
import termios
from typing import IO, Any, ClassVar

from textual.drivers.linux_driver import LinuxDriver

from mtatui.screens.glance import ENTER, Glance


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
        super().write(data)

    def _sigcont_application(self, *args: Any) -> None:
        try:
            termios.tcgetattr(self.fileno)
        except termios.error:
            return  # nobody has come back: the terminal is gone
        super()._sigcont_application(*args)


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

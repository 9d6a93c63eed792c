"""Tells each step as it begins and ends, one JSON object a line; and hears whether it should go on.

Whoever started the program keeps its standard input open. The word ``cancel`` there, its end, or a signal
that asks to stop mean the same: nothing that was not begun is begun any more, and what was begun is taken
back.
"""

import contextlib
import json
import os
import select
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

#: A request is a few files: more than this is none.
LARGEST = 64 * 1024 * 1024


class Cancelled(Exception):
    """It shall not go on, and why, in words."""


class Stop(Exception):
    """It cannot go on: the outcome, and why, in words."""

    def __init__(self, outcome: str, text: str, **more: "Any") -> None:
        super().__init__(text)
        self.outcome = outcome
        self.text = text
        self.more = more


class Teller:
    """What tells. It never fails: that nobody listens any more is told by the other channel."""

    def __init__(self, fd: int = 1) -> None:
        self.fd = fd

    def tell(self, **what: "Any") -> None:
        """Write one object."""
        data = memoryview(json.dumps(what, separators=(",", ":")).encode("ascii") + b"\n")
        with contextlib.suppress(OSError):
            while self.fd >= 0 and data:
                data = data[os.write(self.fd, data) :]

    def step(self, step: str, state: str, text: str = "", command: str = "") -> None:
        """Tell that a step begins, is done, has failed, or (told) what is to be known of it meanwhile."""
        self.tell(step=step, state=state, text=text, command=command)

    @contextlib.contextmanager
    def telling(self, step: str, text: str = "") -> "Iterator[Said]":
        """Tell that a step begins, and how it ended."""
        said = Said()
        self.step(step, "begins", text)
        try:
            yield said
        except Exception as error:
            self.step(step, "failed", words(error))
            raise
        self.step(step, "done", said.text)


class Said:
    """What there is to say at the end of a step."""

    text = ""


class Wish:
    """What the person wishes, on standard input."""

    def __init__(self, fd: int = 0) -> None:
        self.fd = fd
        self._rest = b""
        self._why = ""
        self._heeding = True

    def line(self) -> bytes:
        """The first line: the request. b"" at the end of the input."""
        while b"\n" not in self._rest and len(self._rest) < LARGEST:
            data = os.read(self.fd, 1 << 16)
            if not data:
                return b""
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def heed_signals(self) -> None:
        """Take signals that ask to stop as a wish to stop."""
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)

    def check(self) -> None:
        """Go on.

        Raises:
            Cancelled: or rather not.
        """
        if self.cancelled():
            raise Cancelled(self._why)

    def cancelled(self) -> bool:
        """Whether it shall stop."""
        while self._heeding and not self._why:
            if b"cancel" in self._rest:  # it may have come along with the request
                self._why = "It was stopped on request"
            elif not select.select([self.fd], [], [], 0)[0]:
                break
            else:
                try:
                    data = os.read(self.fd, 4096)
                except OSError:
                    data = b""
                self._rest += data
                if not data:
                    self._why = "Whoever applied it is gone (a closed terminal, a cut link)"
        return self._heeding and bool(self._why)

    def ignore(self) -> None:
        """Heed nothing any more: what is done now must come to its end."""
        self._heeding = False

    def _signalled(self, number: int, frame: object) -> None:
        self._why = self._why or "It was stopped by signal %d" % number


def words(error: BaseException) -> str:
    """An error in words."""
    if isinstance(error, OSError) and error.strerror:
        where = " ".join(str(name) for name in (error.filename, error.filename2) if name)
        return "%s: %s" % (where, error.strerror) if where else error.strerror
    if isinstance(error, (Stop, Cancelled)):
        return str(error)
    return "%s: %s" % (type(error).__name__, error)

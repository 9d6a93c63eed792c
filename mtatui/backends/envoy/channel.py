"""One command that runs on the server, and its three channels."""

import os
import selectors
import signal
import subprocess
import time
import zlib

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from .serve import Envoy

_READ = 65536
#: The least room for which output is read. What is read may become a little longer when it is compressed.
_ROOM = _READ + 4096
#: Seconds between asking a command that only looks to end, when the link has, and ending it.
GRACE = 2.0


class Channel:
    """A command, started.

    Args:
        first: what its standard input begins with: the program that it shall be.
        changes: it comes to its own end when the link is cut; others are ended then. It is given whole lines
            only, so that no cut makes it act on half a name.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(
        self,
        envoy: "Envoy",
        selector: selectors.BaseSelector,
        number: int,
        argv: "List[str]",
        env: "Dict[str, str]",
        changes: bool,
        compress: bool,
        first: bytes,
    ) -> None:
        self.number = number
        self.over = False
        self._envoy = envoy
        self._selector = selector
        self._changes = changes
        self._child, (self._in, out, err) = _begin(argv, env)
        self._outs = {out: wire.OUT, err: wire.ERR}
        self._unfed = bytearray(first)
        self._line = b""
        self._owed = -len(first)
        self._ending = False
        self._room = wire.WINDOW
        self._press: "Any" = zlib.compressobj(1) if compress else None
        self._watched = {}  # type: Dict[int, int]
        self._status: "Optional[int]" = None
        self._doomed = 0.0
        self._unheard = False

    # --- what comes from mtatui --------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More for its standard input."""
        if self._in < 0:
            self._owe(len(data))
            return
        if self._changes:
            # What waits for the rest of its line is credited now, for its length knows no bound.
            head, end, tail = data.rpartition(b"\n")
            if end:
                self._owed -= len(self._line)
                self._unfed += self._line + head + end
                self._line = b""
            self._line += tail
            self._owe(len(tail))
        else:
            self._unfed += data

    def end_input(self) -> None:
        """Its standard input ends when all is written."""
        self._owed -= len(self._line)
        self._unfed += self._line
        self._line = b""
        self._ending = True

    def credit(self, number: int) -> None:
        """So many bytes of its output were taken."""
        self._room += number

    def kill(self, number: int) -> None:
        """Send a signal to it and to what it has started. After the last one nothing is heard of it; also
        where it has ended but for others that hold its pipes open. What only looks and is not ours to end
        (sudo) is let go of then: it ends when it next writes."""
        try:
            os.killpg(self._child.pid, number)  # never another's: it has not been waited for yet
        except OSError:
            if number == signal.SIGKILL and not self._changes and self._status is None:
                self._status = -number
        self._unheard = self._unheard or number == signal.SIGKILL
        if self._status is not None:
            self._close_all()

    def cut(self) -> None:
        """Nobody is there any more. What has come as a whole is still passed on."""
        self._line = b""
        self._ending = True
        if not self._changes:
            self._doomed = time.monotonic() + GRACE
            self.kill(signal.SIGTERM)
            self._close_all()

    # --- what goes on here -------------------------------------------------------------------------------

    def heed(self, crowded: bool) -> None:
        """Be woken for what can be done now, and for nothing else."""
        wanted = {}  # type: Dict[int, int]
        if not self._envoy.linked or (self._room >= _ROOM and not crowded):
            wanted = dict.fromkeys(self._outs, selectors.EVENT_READ)
        if self._in >= 0 and self._unfed:
            wanted[self._in] = selectors.EVENT_WRITE
        for fd in [fd for fd in self._watched if fd not in wanted]:
            self._selector.unregister(fd)
            del self._watched[fd]
        for fd, events in wanted.items():
            if fd not in self._watched:
                self._watched[fd] = events
                self._selector.register(fd, events, self._write if fd == self._in else self._reader(fd))

    def _reader(self, fd: int) -> "Any":
        return lambda: self._read(fd)

    def _read(self, fd: int) -> None:
        linked = self._envoy.linked
        if fd not in self._outs or (linked and self._room < _ROOM):
            return
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        kind = self._outs[fd]
        if not data:
            self._close(fd)
            del self._outs[fd]
        if not linked:
            return
        if kind == wire.OUT and self._press is not None:
            data = self._press.compress(data) + self._press.flush(
                zlib.Z_SYNC_FLUSH if data else zlib.Z_FINISH
            )
        if data:
            self._room -= len(data)
            self._envoy.say(self.number, kind, data)

    def _write(self) -> None:
        if self._in < 0:
            return
        try:
            written = os.write(self._in, bytes(self._unfed[:_READ]))
        except BlockingIOError:
            return
        except OSError:  # it reads no further: what it is given is taken, and dropped
            written = len(self._unfed)
            self._close_input()
        del self._unfed[:written]
        self._owe(written)

    def _owe(self, written: int) -> None:
        """Give credit for what was taken; what the program itself was is not counted."""
        self._owed += written
        if self._owed >= wire.WINDOW // 4 or (self._owed > 0 and not self._unfed):
            self._envoy.say(self.number, wire.TAKEN, wire.NUMBER.pack(self._owed))
            self._owed = 0

    def settle(self) -> None:
        """See whether it has ended, and tell when all that it said has been sent."""
        if self._ending and not self._unfed:
            self._close_input()
        if self._status is None:
            self._status = self._ended()
        if self._status is None and self._doomed and time.monotonic() >= self._doomed:
            self.kill(signal.SIGKILL)
        if self._status is None or (self._outs and self._envoy.linked and not self._unheard):
            return
        self._close_all()
        self._child.poll()
        self._envoy.say(self.number, wire.EXIT, wire.STATUS.pack(self._status))
        self.over = True

    def _ended(self) -> "Optional[int]":
        """How it has ended, None while it runs. Nobody has waited for it then: its number stays its own."""
        found = os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def _close_input(self) -> None:
        if self._in >= 0:
            self._close(self._in)
            self._in = -1

    def _close_all(self) -> None:
        self._close_input()
        for fd in self._outs:
            self._close(fd)
        self._outs.clear()

    def _close(self, fd: int) -> None:
        if fd in self._watched:
            self._selector.unregister(fd)
            del self._watched[fd]
        os.close(fd)


def _begin(
    argv: "List[str]", env: "Dict[str, str]"
) -> "Tuple[subprocess.Popen[bytes], Tuple[int, int, int]]":
    """Start a command in a session of its own: it, and our ends of its pipes.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    pipes = []  # type: List[int]
    try:
        for _ in range(3):
            pipes += os.pipe()
        stdin, ours_in, ours_out, stdout, ours_err, stderr = pipes
        # As bytes: an old Python may think that this place knows no more than ASCII.
        words = [word.encode("utf-8", "surrogateescape") for word in argv]
        child = subprocess.Popen(
            words, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd="/", start_new_session=True
        )
    except BaseException:
        for fd in pipes:
            os.close(fd)
        raise
    for fd in (stdin, stdout, stderr):
        os.close(fd)
    for fd in (ours_in, ours_out, ours_err):
        os.set_blocking(fd, False)
    return child, (ours_in, ours_out, ours_err)

"""One command that runs on the server, and its three channels."""

import contextlib
import os
import selectors
import signal
import subprocess
import zlib

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .serve import Envoy

_READ = 65536


class Channel:
    """A command, started.

    Args:
        first: what its standard input begins with: the program that it shall be.
        changes: it comes to its own end when the link is cut; others are ended then.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        envoy: "Envoy",
        selector: selectors.BaseSelector,
        number: int,
        argv: "list[str]",
        env: "dict[str, str]",
        changes: bool,
        compress: bool,
        first: bytes,
    ) -> None:
        self.number = number
        self.over = False
        self._envoy = envoy
        self._selector = selector
        self._changes = changes
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        pipes = self._child.stdin, self._child.stdout, self._child.stderr
        self._in, out, err = [os.dup(pipe.fileno()) for pipe in pipes if pipe is not None]
        for pipe in pipes:
            if pipe is not None:
                pipe.close()
        self._outs: "dict[int, int]" = {out: wire.OUT, err: wire.ERR}
        for fd in (self._in, out, err):
            os.set_blocking(fd, False)
        self._unfed = bytearray(first)
        self._owed = -len(first)
        self._ending = False
        self._room = wire.WINDOW
        self._press: "Any" = zlib.compressobj(1) if compress else None
        self._watched: "dict[int, int]" = {}
        self._status: "int | None" = None

    # --- what comes from mtatui --------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More for its standard input."""
        if self._in >= 0:
            self._unfed += data

    def end_input(self) -> None:
        """Its standard input ends when all is written."""
        self._ending = True

    def credit(self, number: int) -> None:
        """So many bytes of its output were taken."""
        self._room += number

    def kill(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        if self._status is None:
            with contextlib.suppress(OSError):
                os.killpg(self._child.pid, number)

    def cut(self) -> None:
        """Nobody is there any more."""
        self._unfed.clear()
        self._ending = True
        if not self._changes:
            self.kill(signal.SIGTERM)

    # --- what goes on here -------------------------------------------------------------------------------

    def heed(self, crowded: bool) -> None:
        """Be woken for what can be done now, and for nothing else."""
        wanted = {}  # type: dict[int, int]
        listening = not self._envoy.linked or (self._room > 0 and not crowded)
        for fd in self._outs:
            if listening:
                wanted[fd] = selectors.EVENT_READ
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
        if fd not in self._outs:
            return
        most = min(_READ, self._room) if self._envoy.linked else _READ
        if most <= 0:
            return
        try:
            data = os.read(fd, most)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        kind = self._outs[fd]
        if not data:
            self._close(fd)
            del self._outs[fd]
        if not self._envoy.linked:
            return
        if kind == wire.OUT and self._press is not None:
            end = wire.OUT not in self._outs.values()
            data = self._press.compress(data) + self._press.flush(zlib.Z_FINISH if end else zlib.Z_SYNC_FLUSH)
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
            self._close(self._in)
            self._in = -1
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
        if self._ending and not self._unfed and self._in >= 0:
            self._close(self._in)
            self._in = -1
        if self._status is None:
            self._status = self._child.poll()
        if self._status is None:
            return
        for fd in list(self._outs):  # what it has started may hold its pipes open for ever
            if self._envoy.linked and self._room > 0:
                self._read(fd)
        if not self._outs or not self._envoy.linked:
            for fd in [*self._outs, *([self._in] if self._in >= 0 else [])]:
                self._close(fd)
            self._envoy.say(self.number, wire.EXIT, wire.STATUS.pack(self._status))
            self.over = True

    def _close(self, fd: int) -> None:
        if fd in self._watched:
            self._selector.unregister(fd)
            del self._watched[fd]
        os.close(fd)

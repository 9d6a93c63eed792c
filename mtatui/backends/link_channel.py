"""A command on a server, as the near end of the wire shows it: three pipes and an exit status."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from mtatui.backends.envoy import wire

if TYPE_CHECKING:
    from mtatui.backends.link import Link

#: Bytes that are unpacked in one go.
_PIECE = 1 << 18
#: An answer to a question holds no more than this (bytes).
_ANSWER = 64 * 1024 * 1024


class Channel:
    """A command on the server, with the face of a `mtatui.backends.host.Child`."""

    def __init__(
        self, link: Link, number: int, argv: Sequence[str], compress: bool, excuse: Callable[[int], str]
    ) -> None:
        self.args = tuple(argv)
        self.excuse = excuse
        self.returncode: int | None = None
        self.error = 0
        """Why it could not be started (errno(3)); 0 where it was."""
        self.cut = False
        """Whether the link has ended before it did, or before all that it said was passed on."""
        self._link = link
        self.number = number
        self._ended = threading.Event()
        self._started = threading.Event()
        ours_in, its_in = os.pipe2(os.O_CLOEXEC)
        its_out, ours_out = os.pipe2(os.O_CLOEXEC)
        its_err, ours_err = os.pipe2(os.O_CLOEXEC)
        self.stdin: BinaryIO = os.fdopen(its_in, "wb")
        self.stdout: BinaryIO = os.fdopen(its_out, "rb")
        self.stderr: BinaryIO = os.fdopen(its_err, "rb")
        self.feed = ours_in
        self.flows = {wire.OUT: Flow(ours_out, compress), wire.ERR: Flow(ours_err, False)}
        self.owed = 0
        """What was taken of its output, and not yet credited."""
        self.room = wire.WINDOW
        """How much more may be sent of its standard input."""
        self.status: int | None = None
        """How it ended; known before all that it said has been passed on."""
        self.unheard = False
        """It was ended from here: nobody must read what it said before it is seen to have ended."""
        for fd in (ours_in, ours_out, ours_err):
            os.set_blocking(fd, False)

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it has not ended within so many seconds.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def begun(self, timeout: float) -> bool:
        """Wait until it has given a sign of itself; False where it could not be started."""
        self._started.wait(timeout)
        return not self.error

    def terminate(self) -> None:
        """Ask it to end, and what it has started."""
        self._link.signal(self.number, signal.SIGTERM)

    def kill(self) -> None:
        """End it, and what it has started. What it said and nobody has read yet may be lost."""
        self.unheard = True
        self._link.signal(self.number, signal.SIGKILL)

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Give it all its input, and hear it to its end; see `subprocess.Popen.communicate`."""
        until = None if timeout is None else time.monotonic() + timeout
        os.set_blocking(self.stdin.fileno(), False)
        heard = {self.stdout: bytearray(), self.stderr: bytearray()}
        unsent = memoryview(input or b"")
        with selectors.DefaultSelector() as selector:
            for pipe in heard:
                selector.register(pipe, selectors.EVENT_READ)
            if unsent:
                selector.register(self.stdin, selectors.EVENT_WRITE)
            else:
                self.stdin.close()
            while selector.get_map():
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                for key, _ in selector.select(left):
                    if key.fileobj is self.stdin:
                        try:
                            unsent = unsent[os.write(key.fd, unsent[:65536]) :]
                        except BrokenPipeError:
                            unsent = unsent[:0]
                        if not unsent:
                            selector.unregister(self.stdin)
                            self.stdin.close()
                        continue
                    data = os.read(key.fd, 65536)
                    if data:
                        heard[key.fileobj] += data  # type: ignore[index]  # only these two are left
                    else:
                        selector.unregister(key.fileobj)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        for pipe in heard:
            pipe.close()
        return bytes(heard[self.stdout]), bytes(heard[self.stderr])

    # --- for the link ------------------------------------------------------------------------------------

    def sign(self) -> None:
        """It has given a sign of itself."""
        self._started.set()

    def end(self, status: int) -> None:
        """It has ended, and all that it said is passed on."""
        self.returncode = status
        self._started.set()
        self._ended.set()


class Flow:
    """What comes of one channel, on its way into a pipe."""

    def __init__(self, fd: int, compressed: bool) -> None:
        self.fd = fd
        self.held = 0
        """Bytes as they came that wait to be passed on."""
        self.broken = False
        """Nobody reads it."""
        self._plain = memoryview(b"")
        self._waiting: deque[bytes] = deque()  # none of them empty
        self._press = zlib.decompressobj() if compressed else None

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._plain and not self._waiting

    @property
    def over(self) -> bool:
        """Whether nothing more is passed on: nobody reads it, or it has come to its end."""
        return self.broken or (self._press is not None and self._press.eof and self.idle)

    def take(self, data: bytes) -> None:
        """More of it."""
        if data:
            self._waiting.append(data)
            self.held += len(data)

    def drop(self) -> None:
        """Nobody reads it any more."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def pass_on(self) -> tuple[int, bool]:
        """Write what can be written now: how many bytes of what came are done with, and whether the pipe is
        full.

        Raises:
            zlib.error: what came is not compressed as agreed.
        """
        done = 0
        while True:
            if self.fd < 0 or self.broken:
                done += self.held
                self._plain, self.held = self._plain[:0], 0
                self._waiting.clear()
                return done, False
            if self._plain:
                try:
                    self._plain = self._plain[os.write(self.fd, self._plain) :]
                except BlockingIOError:
                    return done, True
                except OSError:  # nobody reads it: it is dropped, and whoever writes it is not told
                    self.broken = True
                continue
            if not self._waiting:
                return done, False
            data, rest = self._waiting.popleft(), b""
            if self._press is not None:  # in pieces: a little data may hold a great deal
                if self._press.eof:
                    raise ValueError("more than it had to say")
                plain, rest = self._press.decompress(data, _PIECE), self._press.unconsumed_tail
                if rest:
                    self._waiting.appendleft(rest)
            else:
                plain = data
            self._plain = memoryview(plain)
            done += len(data) - len(rest)
            self.held -= len(data) - len(rest)


class Question:
    """Something that was asked, and what has come of the answer."""

    def __init__(self) -> None:
        self.answer = bytearray()
        self.whole = False
        self.answered = threading.Event()
        self._press = zlib.decompressobj()

    def take(self, data: bytes) -> None:
        """More of the answer.

        Raises:
            ValueError, zlib.error: it makes no sense, or has no end.
        """
        self.answer += self._press.decompress(data, _ANSWER + 1 - len(self.answer))
        if len(self.answer) > _ANSWER or (self._press.eof and self._press.unused_data):
            raise ValueError("an answer without end")

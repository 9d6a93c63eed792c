"""The envoy at work: one loop over its own channel to mtatui and the pipes of what it has started.

When the link ends, what only looks is ended. What changes something comes to its own end: its input is closed
and what it says is read and dropped, so that it does not die of a broken pipe half way. The link has also
ended when nothing is heard of it any more, or nothing that makes sense.
"""

import errno
import json
import os
import platform
import selectors
import signal
import sys
import time
import zlib

from . import channel as channels
from . import looks, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What may wait to be written to mtatui before no more is read of anybody (bytes).
_WAITING = 4 * wire.WINDOW
_READ = 65536
#: Seconds that what changes something may go on after the link has ended.
PATIENCE = 3600.0


class Envoy:
    """One envoy, on two file descriptors."""

    def __init__(self, fro: int, to: int) -> None:
        self._fro, self._to = fro, to
        self._unsent = bytearray()
        self._frames = wire.Frames()
        self._programs: "dict[bytes, bytes]" = {}
        self._channels: "dict[int, channels.Channel]" = {}
        self._selector = selectors.DefaultSelector()
        self._linked = True
        self._heard = time.monotonic()
        """When something was heard last."""

    def serve(self, nonce: str) -> None:
        """Greet, and serve until the link ends and what must be finished is."""
        os.set_blocking(self._fro, False)
        os.set_blocking(self._to, False)
        hello = {
            "python": platform.python_version(),
            "uid": os.getuid(),
            "user": looks.user(),
            "time": time.time(),
            "machine": platform.node(),
        }
        self._unsent += b"\n" + wire.GREETING + nonce.encode("ascii") + b" "
        self._unsent += json.dumps(hello).encode("ascii") + b"\n"
        self._selector.register(self._fro, selectors.EVENT_READ, self._hear)
        awake = _wake_at_children()
        self._selector.register(awake, selectors.EVENT_READ, lambda: _drain(awake))
        while True:
            self._watch_link()
            silence = time.monotonic() - self._heard
            if not self._linked and (not self._channels or silence > PATIENCE):
                return
            for key, _ in self._selector.select(max(0.0, wire.SILENCE - silence) if self._linked else 0.5):
                key.data()
            if self._linked and time.monotonic() - self._heard >= wire.SILENCE:
                self._cut()
            for one in list(self._channels.values()):
                one.settle()
                if one.over:
                    del self._channels[one.number]

    # --- the link --------------------------------------------------------------------------------------

    def say(self, number: int, kind: int, payload: bytes = b"") -> None:
        """Send a frame; nobody hears it when the link has ended."""
        if self._linked:
            self._unsent += wire.frame(number, kind, payload)

    @property
    def crowded(self) -> bool:
        """Whether so much waits to be sent that nothing more should be read."""
        return len(self._unsent) > _WAITING

    @property
    def linked(self) -> bool:
        """Whether anybody hears what is said."""
        return self._linked

    def _watch_link(self) -> None:
        """Write what can be written now, and be woken when more can."""
        while self._linked and self._unsent:
            try:
                del self._unsent[: os.write(self._to, bytes(self._unsent[:_READ]))]
            except BlockingIOError:
                break
            except OSError:
                self._cut()
        watched = self._to in self._selector.get_map()
        if self._linked and self._unsent and not watched:
            self._selector.register(self._to, selectors.EVENT_WRITE, lambda: None)
        elif watched and not (self._linked and self._unsent):
            self._selector.unregister(self._to)
        for one in self._channels.values():
            one.heed(self.crowded)

    def _hear(self) -> None:
        try:
            data = os.read(self._fro, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._cut()
            return
        self._heard = time.monotonic()
        try:
            for number, kind, payload in self._frames.take(data):
                self._do(number, kind, payload)
        except Exception:  # whoever that is: what has begun to change something comes to its end
            self._cut()

    def _cut(self) -> None:
        """The link has ended."""
        if not self._linked:
            return
        self._linked = False
        self._unsent.clear()
        self._selector.unregister(self._fro)
        for one in self._channels.values():
            one.cut()

    def _do(self, number: int, kind: int, payload: bytes) -> None:
        if kind == wire.START:
            self._start(number, json.loads(payload.decode("ascii")))
        elif kind == wire.ASK:
            answer = json.dumps(looks.answer(json.loads(payload.decode("ascii")))).encode("ascii")
            answer = zlib.compress(answer, 1)
            for start in range(0, len(answer), wire.LARGEST):
                self.say(number, wire.TOLD, answer[start : start + wire.LARGEST])
            self.say(number, wire.EXIT, wire.STATUS.pack(0))
        elif kind == wire.PROGRAM:
            digest, data = payload[: wire.DIGEST], payload[wire.DIGEST :]
            self._programs[digest] = self._programs.get(digest, b"") + data
        elif kind == wire.PING:
            self.say(number, wire.PONG, payload)
        elif number in self._channels:
            one = self._channels[number]
            if kind == wire.DATA:
                one.feed(payload)
            elif kind == wire.END:
                one.end_input()
            elif kind == wire.KILL:
                one.kill(payload[0])
            elif kind == wire.CREDIT:
                one.credit(wire.NUMBER.unpack(payload)[0])

    def _start(self, number: int, wish: "dict[str, Any]") -> None:
        program = wish.get("program")
        first = self._programs[program.encode("ascii")] if program else b""
        argv = [sys.executable if word == "{python}" else word for word in wish["argv"]]
        try:
            self._channels[number] = channels.Channel(
                self, self._selector, number, argv, wish["env"], wish["changes"], wish["compress"], first
            )
        except OSError as error:
            self.say(number, wire.FAILED, wire.NUMBER.pack(error.errno or errno.EIO))
        except ValueError:  # a NUL in a word
            self.say(number, wire.FAILED, wire.NUMBER.pack(errno.EINVAL))


def _wake_at_children() -> int:
    """A descriptor that can be read when a child has ended."""
    ours, its = os.pipe()
    for fd in (ours, its):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(its)
    signal.signal(signal.SIGCHLD, lambda number, stack: None)
    return ours


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def main(nonce: str) -> None:
    """Serve on standard input and output. Nothing else that runs here may write to them."""
    fro, to = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # The end of the link tells us, and only that. Heard and not ignored: what we start would do so, too.
        signal.signal(number, lambda number, stack: None)
    Envoy(fro, to).serve(nonce)

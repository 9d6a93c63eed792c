"""The near end of the wire to an envoy: one thread that carries the channels of all commands on a server.

It works over any pair of file descriptors (those of an ssh, as a rule). What a server sends is bounded: a
channel holds one window at most, whoever overruns it or sends no frames is cut off, in words.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import selectors
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtatui.backends.bundle import Bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link_channel import Channel
from mtatui.backends.link_hello import Hello, Refused, greeted
from mtatui.text import clean

#: The exit status of what was cut off, as ssh(1) has it.
CUT = 255
_READ = 1 << 18
#: Seconds of silence until the envoy is asked for a sign, and until it is given up for dead.
SILENCE, DEAD = 10.0, 30.0
#: An answer to a question holds no more than this (bytes).
_ANSWER = 64 * 1024 * 1024
#: Seconds that what is still on its way is waited for, when nothing can be sent any more.
_LAST_WORDS = 2.0


class Link:
    """One connection to an envoy. It begins with `greet`; from then on a thread of its own serves it."""

    def __init__(self, to: int, fro: int, nonce: str, *, name: str) -> None:
        """Nothing is sent or read yet.

        Args:
            to, fro: what leads to the envoy and back. They are the caller's to close.
            nonce: what the envoy's greeting must bear.
            name: what the server is called.
        """
        self.name = name
        self.closed: str | None = None
        """Why it is of no use any more, in words; None while it is."""
        self.sent = self.received = 0
        """Bytes, frames and all."""
        self._to, self._fro = to, fro
        self._nonce = nonce.encode("ascii")
        self._frames = wire.Frames()
        self._unsent = bytearray()
        self._numbers = itertools.count(1)
        self._programs: set[str] = set()
        self._channels: dict[int, Channel] = {}
        self._questions: dict[int, _Question] = {}
        self._wishes: deque[Callable[[], None]] = deque()
        self._alarm, self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector = selectors.DefaultSelector()
        self._gate = threading.Lock()
        self._ending = self._watched = False
        self._heard = self._pinged = self._deaf = 0.0
        """Since when, by time.monotonic: something was heard last; we wait for a sign (0: we do not); nobody
        listens to us any more (0: somebody does)."""
        self._thread = threading.Thread(target=self._serve, name=f"link-{name}", daemon=True)

    def greet(self, program: Bundle, timeout: float, patient: Callable[[], bool] = lambda: False) -> Hello:
        """Send the envoy and wait for its greeting.

        Args:
            timeout: seconds, which begin anew as long as ``patient`` says so (somebody is asked).

        Raises:
            Refused: something else came, or nothing.
        """
        for fd in (self._to, self._fro):
            os.set_blocking(fd, False)
        self._selector.register(self._fro, selectors.EVENT_READ)
        self._unsent += program.data
        until = time.monotonic() + timeout
        heard = bytearray()
        while (greeting := greeted(heard, self._nonce)) is None:
            self._send()
            if patient():
                until = time.monotonic() + timeout
            left = until - time.monotonic()
            if left <= 0:
                raise Refused("nothing was heard of it in time", bytes(heard))
            if not self._selector.select(min(0.05 if self._unsent else 1, left)):
                continue
            try:
                data = os.read(self._fro, _READ)
            except OSError:
                data = b""
            self.received += len(data)
            if not data:
                raise Refused("the connection ended", bytes(heard))
            heard += data
        hello, rest = greeting
        self._selector.unregister(self._fro)
        self._selector.register(self._fro, selectors.EVENT_READ, self._hear)
        self._selector.register(self._alarm, selectors.EVENT_READ, self._wake)
        self._wish(lambda: self._take(rest))
        self._heard = time.monotonic()
        self._thread.start()
        return hello

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        program: Bundle | None = None,
        changes: bool = False,
        compress: bool = False,
    ) -> Channel:
        """Start a command, or a program of ours that is packed, there. That it could not be started shows
        when it has ended: see `Channel.error`.

        Args:
            changes: it comes to its own end when the link is cut, and is given whole lines only.
            compress: what it prints is compressed on the way.

        Raises:
            ValueError: the command is too long.
        """
        wish = {
            "argv": list(argv),
            "env": dict(env),
            "program": program.digest if program else None,
            "changes": changes,
            "compress": compress,
        }
        said = _said(wish)
        channel = Channel(self, next(self._numbers), argv, compress)

        def begin() -> None:
            self._channels[channel.number] = channel
            if program is not None and program.digest not in self._programs:
                self._programs.add(program.digest)
                most = wire.LARGEST - wire.DIGEST
                for start in range(0, len(program.data), most):
                    piece = program.digest.encode("ascii") + program.data[start : start + most]
                    self._unsent += wire.frame(0, wire.PROGRAM, piece)
            self._unsent += wire.frame(channel.number, wire.START, said)
            self._selector.register(channel.feed, selectors.EVENT_READ, lambda: self._feed(channel))

        self._wish(begin, else_=lambda: self._cut(channel))
        return channel

    def ask(self, request: Mapping[str, Any], timeout: float) -> Any:
        """Ask the envoy something and wait for its answer.

        Raises:
            TimeoutError: it did not come in time. ConnectionError: it cannot come any more. ValueError: it
                makes no sense, or the question is too long.
        """
        return self.put(request)(timeout)

    def put(self, request: Mapping[str, Any]) -> Callable[[float], Any]:
        """Ask the envoy something now, and wait for its answer later: what is returned does; see `ask`."""
        question, said = _Question(), _said(request)
        number = next(self._numbers)

        def begin() -> None:
            self._questions[number] = question
            self._unsent += wire.frame(number, wire.ASK, said)

        def answer(timeout: float) -> Any:
            if not question.answered.wait(timeout):
                raise TimeoutError
            if not question.whole:
                raise ConnectionError(self.closed or "cut off")
            try:
                return json.loads(bytes(question.answer))
            except RecursionError as error:
                raise ValueError("an answer that makes no sense") from error

        self._wish(begin, else_=question.answered.set)
        return answer

    def signal(self, number: int, what: int) -> None:
        """Send a signal to a command."""
        self._wish(lambda: self._tell(number, wire.KILL, bytes([what])))

    def close(self, why: str = "closed") -> None:
        """Let go of it; from any thread, more than once. What changes something comes to its end there."""
        self._wish(lambda: self._end(why))
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2)
        elif not self._thread.ident and self.closed is None:
            self.closed = why
            self._let_go()

    # --- the thread --------------------------------------------------------------------------------------

    def _wish(self, do: Callable[[], None], else_: Callable[[], None] = lambda: None) -> None:
        """Have the thread do something; where the link is closed, do the other thing here."""
        with self._gate:
            if self.closed is None:
                self._wishes.append(do)
                with contextlib.suppress(BlockingIOError):
                    os.write(self._bell, b"!")
                return
        else_()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._alarm, 4096)
        while self._wishes:
            self._wishes.popleft()()

    def _serve(self) -> None:
        try:
            while not self._ending:
                try:
                    self._turn()
                except (wire.Nonsense, zlib.error, struct.error, ValueError, LookupError) as error:
                    self._end(f"{self.name} sent what is no answer ({clean(str(error))[:80]})")
                except OSError as error:
                    self._end(f"the connection to {self.name} broke: {error.strerror}")
        finally:
            self._end("it broke")
            self._bury_all()

    def _turn(self) -> None:
        """Send what can be sent, and wait until there is something to do."""
        self._listen()
        self._send()
        if bool(self._unsent) != self._watched:
            self._watched = not self._watched
            if self._to == self._fro:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._watched else 0)
                self._selector.modify(self._fro, events, self._hear)
            elif self._watched:
                self._selector.register(self._to, selectors.EVENT_WRITE, lambda: None)
            else:
                self._selector.unregister(self._to)
        for key, _ in self._selector.select(_LAST_WORDS if self._deaf else SILENCE):
            now = self._selector.get_map().get(key.fd)
            if now is not None and now.data is key.data:  # and not another's under the same number
                key.data()

    def _listen(self) -> None:
        """Ask for a sign where nothing is heard, and end where none comes. ssh does so, too, but not where a
        master of the admin's is used."""
        now = time.monotonic()
        if self._deaf and now - self._deaf >= _LAST_WORDS:
            self._end(f"the connection to {self.name} was cut")
        elif self._pinged and now - self._pinged > DEAD - SILENCE:
            self._end(f"{self.name} does not answer any more")
        elif not self._pinged and now - self._heard >= SILENCE:
            self._pinged = now
            self._unsent += wire.frame(0, wire.PING)

    def _send(self) -> None:
        while self._unsent:
            try:
                written = 0 if self._deaf else os.write(self._to, self._unsent[:65536])
            except BlockingIOError:
                return
            except OSError:  # it has ended; what is still on its way back is heard
                self._deaf = time.monotonic()
            if self._deaf:
                self._unsent.clear()
                return
            self.sent += written
            del self._unsent[:written]

    def _tell(self, number: int, kind: int, payload: bytes) -> None:
        if number in self._channels:
            self._unsent += wire.frame(number, kind, payload)

    def _hear(self) -> None:
        try:
            data = os.read(self._fro, _READ)
        except BlockingIOError:
            return
        if not data:
            self._end(f"the connection to {self.name} was cut")
            return
        self.received += len(data)
        self._heard, self._pinged = time.monotonic(), 0.0
        self._take(data)

    def _take(self, data: bytes) -> None:
        for number, kind, payload in self._frames.take(data):
            question = self._questions.get(number)
            if question is not None:
                self._answer(number, question, kind, payload)
            elif (channel := self._channels.get(number)) is not None:
                self._channel(channel, kind, payload)
            elif kind != wire.PONG:
                raise ValueError("of a channel that there is not")

    def _answer(self, number: int, question: _Question, kind: int, payload: bytes) -> None:
        if kind == wire.TOLD:
            question.take(payload)
        else:
            del self._questions[number]
            question.whole = True
            question.answered.set()

    def _channel(self, channel: Channel, kind: int, payload: bytes) -> None:
        channel.sign()
        if kind in channel.flows:
            flow = channel.flows[kind]
            if sum(one.held for one in channel.flows.values()) + len(payload) > wire.WINDOW:
                raise ValueError("more than was asked for")
            if channel.status is None:
                flow.take(payload)
                self._pass_on(channel)
        elif kind == wire.TAKEN:
            channel.room += wire.NUMBER.unpack(payload)[0]
            if channel.room > wire.WINDOW:
                raise ValueError("more was taken than was sent")
            self._mind_feed(channel)
        elif kind == wire.EXIT:
            channel.status = wire.STATUS.unpack(payload)[0]
            self._pass_on(channel)
        elif kind == wire.FAILED:
            channel.error = wire.NUMBER.unpack(payload)[0]
            channel.status = CUT
            self._pass_on(channel)

    def _pass_on(self, channel: Channel) -> None:
        """Pass on what came of a channel, as far as somebody reads it; and at its end, that it has ended."""
        done = 0
        for flow in channel.flows.values():
            number, full = flow.pass_on()
            done += number
            watched = flow.fd >= 0 and flow.fd in self._selector.get_map()
            if full and not watched:
                self._selector.register(flow.fd, selectors.EVENT_WRITE, lambda: self._pass_on(channel))
            elif not full and watched:
                self._selector.unregister(flow.fd)
            if flow.broken:
                self._forget(flow.fd)
                flow.drop()
        if channel.status is None:
            channel.owed += done
            if channel.owed >= wire.WINDOW // 4:
                self._tell(channel.number, wire.CREDIT, wire.NUMBER.pack(channel.owed))
                channel.owed = 0
        elif channel.unheard or all(flow.idle for flow in channel.flows.values()):
            del self._channels[channel.number]
            self._bury(channel)

    def _feed(self, channel: Channel) -> None:
        """Send on what somebody has written to a channel's standard input."""
        try:
            data = os.read(channel.feed, min(65536, channel.room))
        except BlockingIOError:
            return
        if data:
            channel.room -= len(data)
            self._tell(channel.number, wire.DATA, data)
            self._mind_feed(channel)
        else:
            self._tell(channel.number, wire.END, b"")
            self._selector.unregister(channel.feed)
            os.close(channel.feed)
            channel.feed = -1

    def _mind_feed(self, channel: Channel) -> None:
        if channel.feed < 0:
            return
        watched = channel.feed in self._selector.get_map()
        if (channel.room > 0) != watched:
            if watched:
                self._selector.unregister(channel.feed)
            else:
                self._selector.register(channel.feed, selectors.EVENT_READ, lambda: self._feed(channel))

    # --- the end -----------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        with self._gate:
            self.closed = self.closed or why
        self._ending = True

    def _bury_all(self) -> None:
        with contextlib.suppress(Exception):
            self._wake()  # what was wished for meanwhile is begun, and ended with the rest
        for channel in list(self._channels.values()):
            self._cut(channel)
        self._channels.clear()
        for question in self._questions.values():
            question.answered.set()
        self._let_go()

    def _let_go(self) -> None:
        with self._gate:
            self._selector.close()
            os.close(self._alarm)
            os.close(self._bell)

    def _cut(self, channel: Channel) -> None:
        """A channel has come to no end, or not all that it said was passed on."""
        flow = channel.flows[wire.ERR]
        if flow.fd >= 0:
            with contextlib.suppress(OSError):
                os.write(flow.fd, f"{self.closed}\n".encode())
        channel.cut, channel.status = True, CUT
        self._bury(channel)

    def _bury(self, channel: Channel) -> None:
        """Nothing more comes of a channel."""
        for fd in (channel.feed, *(flow.fd for flow in channel.flows.values())):
            self._forget(fd)
        if channel.feed >= 0:
            os.close(channel.feed)
            channel.feed = -1
        for flow in channel.flows.values():
            flow.drop()
        channel.end(CUT if channel.status is None else channel.status)

    def _forget(self, fd: int) -> None:
        with contextlib.suppress(KeyError, ValueError, RuntimeError):
            self._selector.unregister(fd)


def _said(what: Mapping[str, Any]) -> bytes:
    data = json.dumps(what).encode("ascii")
    if len(data) > wire.LARGEST:
        raise ValueError("more than fits into one frame")
    return data


class _Question:
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

"""The near end of the wire to an envoy: the channels of all commands on a server, and what is asked there.

It works over any pair of file descriptors (those of an ssh, as a rule). What a server sends is bounded: a
channel holds one window at most, whoever overruns it or sends no frames is cut off, in words.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import selectors
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtatui.backends.bundle import Bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link_channel import Channel, Question
from mtatui.backends.link_line import Line

#: The exit status of what was cut off, as ssh(1) has it.
CUT = 255


class Link(Line):
    """One connection to an envoy, and all that goes on over it."""

    def __init__(self, to: int, fro: int, nonce: str, *, name: str) -> None:
        """Nothing is sent or read yet; for the arguments see `Line`."""
        super().__init__(to, fro, nonce, name=name)
        self._numbers = itertools.count(1)
        self._programs: set[str] = set()
        self._channels: dict[int, Channel] = {}
        self._questions: dict[int, Question] = {}

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        program: Bundle | None = None,
        changes: bool = False,
        compress: bool = False,
        excuse: Callable[[int], str] = os.strerror,
    ) -> Channel:
        """Start a command, or a program of ours that is packed, there. That it could not be started shows
        when it has ended: see `Channel.error`; on its standard error stands the excuse for that number.

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
        channel = Channel(self, next(self._numbers), argv, compress, excuse)

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
        question, said = Question(), _said(request)
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

    # --- in the thread -------------------------------------------------------------------------------------

    def _tell(self, number: int, kind: int, payload: bytes) -> None:
        if number in self._channels:
            self._unsent += wire.frame(number, kind, payload)

    def _frame(self, number: int, kind: int, payload: bytes) -> None:
        question = self._questions.get(number)
        if question is not None:
            self._answer(number, question, kind, payload)
        elif (channel := self._channels.get(number)) is not None:
            self._channel(channel, kind, payload)
        elif kind != wire.PONG:
            raise ValueError("of a channel that there is not")

    def _answer(self, number: int, question: Question, kind: int, payload: bytes) -> None:
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
            number = wire.NUMBER.unpack(payload)[0]
            channel.error = number if 0 < number < 4096 else errno.EIO  # Linux has no more
            channel.status = CUT
            channel.flows[wire.ERR].take(f"{channel.excuse(channel.error)}\n".encode())
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
            if flow.over:
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

    def _bury_all(self) -> None:
        for channel in list(self._channels.values()):
            self._cut(channel)
        self._channels.clear()
        for question in self._questions.values():
            question.answered.set()

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

"""One line to an envoy: a thread that sends frames and hears them, and knows when the line is dead."""

from __future__ import annotations

import contextlib
import os
import selectors
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable

from mtatui.backends.bundle import Bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link_hello import Hello, Refused, greeted
from mtatui.text import clean

_READ = 1 << 18
#: Seconds of silence until the envoy is asked for a sign, and until it is given up for dead.
SILENCE, DEAD = 10.0, 30.0
#: Seconds after which a sign that was asked for is overdue, and the person may know.
UNEASY = 3.0
#: Seconds that what is still on its way is waited for, when nothing can be sent any more.
_LAST_WORDS = 2.0


class Line:
    """Carries frames. It begins with `greet`; from then on a thread of its own serves it."""

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

    @property
    def silent(self) -> float:
        """Seconds for which nothing has been heard, once a sign was asked for and did not come; else 0."""
        now = time.monotonic()
        pinged = self._pinged
        return now - self._heard if pinged and now - pinged > UNEASY and self.closed is None else 0.0

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
            with contextlib.suppress(Exception):
                self._wake()  # what was wished for meanwhile is begun, and ended with the rest
            self._bury_all()
            self._let_go()

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
            self._frame(number, kind, payload)

    def _frame(self, number: int, kind: int, payload: bytes) -> None:
        """A frame has come.

        Raises:
            ValueError, LookupError, struct.error, zlib.error: it makes no sense.
        """
        raise NotImplementedError

    def _bury_all(self) -> None:
        """The line has ended: so does all that it carried."""
        raise NotImplementedError

    # --- the end -----------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        with self._gate:
            self.closed = self.closed or why
        self._ending = True

    def _let_go(self) -> None:
        with self._gate:
            self._selector.close()
            os.close(self._alarm)
            os.close(self._bell)

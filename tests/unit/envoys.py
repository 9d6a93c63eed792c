"""Envoys for tests: a real one in a process of its own at the end of plain pipes, and one that is played."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mtatui.backends import envoy
from mtatui.backends.bundle import STUB, bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link import Link

ENVOY = bundle(f"{os.path.dirname(envoy.__file__)}/__main__.py")
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C"}
NONCE = "abc123"


def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs (and is not only not yet waited for)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def begin() -> subprocess.Popen[bytes]:
    """An envoy that waits for its program."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", STUB, NONCE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )


class Real:
    """A link to a real envoy on this machine."""

    def __init__(self) -> None:
        self.process = begin()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.link = Link(self.process.stdin.fileno(), self.process.stdout.fileno(), NONCE, name="mx1")
        self.hello = self.link.greet(ENVOY, 20)

    def cut(self) -> None:
        """Cut the link, as a dead ssh does: both of its channels."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.link.close("cut")
        self.process.stdin.close()
        self.process.stdout.close()

    def close(self) -> None:
        """Let go of it; the envoy must end by itself."""
        self.cut()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


@contextmanager
def real() -> Iterator[Real]:
    """A link to a real envoy; it has ended afterwards."""
    one = Real()
    try:
        yield one
    finally:
        one.close()


class Played:
    """A server that says what a test wants, and the link to it."""

    def __init__(self, before: bytes = b"", hello: object = None, nonce: str = NONCE) -> None:
        its_in, ours_in = os.pipe()
        ours_out, its_out = os.pipe()
        self.hears, self.says = its_in, its_out
        self._ours = [ours_in, ours_out]
        self.link = Link(ours_in, ours_out, NONCE, name="mx1")
        said = hello or {"python": "3.6.8", "uid": 0, "user": "root", "time": 1e9, "machine": "mx1"}
        greeting = wire.GREETING + nonce.encode() + b" " + json.dumps(said).encode() + b"\n"
        threading.Thread(target=self.write, args=(before + greeting,), daemon=True).start()

    def write(self, data: bytes) -> None:
        """Send bytes, as long as somebody takes them."""
        with suppress(OSError):
            while data and not self.link.closed:
                if select.select([], [self.says], [], 0.05)[1]:
                    data = data[os.write(self.says, data[:4096]) :]

    def say(self, number: int, kind: int, payload: bytes = b"") -> None:
        """Send a frame."""
        self.write(wire.frame(number, kind, payload))

    def end(self) -> None:
        """Hang up."""
        for fd in (self.hears, self.says):
            with suppress(OSError):
                os.close(fd)
        self.hears = self.says = -1

    def close(self) -> None:
        """Let go of all."""
        self.link.close()
        self.end()
        for fd in self._ours:
            os.close(fd)


@contextmanager
def played(before: bytes = b"", hello: object = None, nonce: str = NONCE) -> Iterator[Played]:
    """A server that is played."""
    one = Played(before, hello, nonce)
    try:
        yield one
    finally:
        one.close()

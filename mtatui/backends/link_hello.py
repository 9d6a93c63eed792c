"""What the envoy says of itself when it has come, and what comes in its place."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from mtatui.backends.envoy import wire
from mtatui.text import clean

#: Bytes before the greeting that a login may print.
NOISE = 256 * 1024
#: Characters of a name in it.
_NAME = 200


class Refused(Exception):
    """No envoy has come. ``noise`` is what the login printed instead."""

    def __init__(self, words: str, noise: bytes = b"") -> None:
        super().__init__(words)
        self.noise = noise


@dataclass(frozen=True, slots=True)
class Hello:
    """What the envoy says of where it is: its Python, the user, the clock (epoch seconds; and when we heard
    it), the machine's name."""

    python: str
    uid: int
    user: str
    time: float
    machine: str
    heard: float

    @classmethod
    def read(cls, data: bytes) -> Hello:
        """From what stands behind the greeting.

        Raises:
            ValueError: it makes no sense.
        """
        try:
            said = json.loads(data)
            return cls(
                clean(str(said["python"])[:_NAME]),
                int(said["uid"]),
                clean(str(said["user"])[:_NAME]),
                float(said["time"]),
                clean(str(said["machine"])[:_NAME]),
                time.time(),
            )
        except (KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(data[:80]) from error


def greeted(heard: bytearray, nonce: bytes) -> tuple[Hello, bytes] | None:
    """The greeting in what was heard, whatever a login printed before it, and what came behind it; None when
    it has not come yet.

    Raises:
        Refused: it will not come any more.
    """
    mark = wire.GREETING + nonce + b" "
    at = heard.find(mark)
    end = heard.find(b"\n", at) if at >= 0 else -1
    if end < 0:
        if len(heard) > NOISE:
            raise Refused("it printed more than any greeting", bytes(heard))
        return None
    try:
        return Hello.read(bytes(heard[at + len(mark) : end])), bytes(heard[end + 1 :])
    except ValueError as error:
        raise Refused("its greeting makes no sense", bytes(heard)) from error

"""How a server of the fleet is: what the tree, the header and the table of servers say of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtatui.backends.host import Prompt
    from mtatui.server import Server


#: Seconds by which a clock may be off before what it says misleads.
CLOCK_SLACK = 30.0
_SILENT = "nothing comes over its connection; if that lasts, it is opened anew"


class Phase(StrEnum):
    """How far it is with a server."""

    OPENING = "opening"
    ASKING = "asking"
    """It cannot be opened before the person has answered: a password, a passphrase, a new host key."""
    READING = "reading"
    LIVE = "live"
    LIMITED = "limited"
    """Live, but not all can be seen or done, or believed."""
    TROUBLE = "trouble"
    """It does not answer, or not as it should. What is known of its queue is what was."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a server is. Times are epoch seconds, 0 for never."""

    phase: Phase
    since: float = 0.0
    """Since when there is trouble, or it waits for an answer."""
    why: str = ""
    """What is wrong, asked, or limited, in words."""
    scanned: float = 0.0
    """When its queue was last looked at, as far as that is worth telling."""
    cost: float = 0.0
    """Seconds that the last look at the whole queue took."""
    stopped: bool = False
    """Postfix does not run there."""

    @property
    def answers(self) -> bool:
        """Whether something can be asked of it now."""
        return self.phase in (Phase.READING, Phase.LIVE, Phase.LIMITED)


class Questions:
    """The questions that servers put to the person while they are opened, each in a thread of its own.

    They wait until there is a face that can ask (`answer_by`), and every server is known to wait meanwhile.
    """

    def __init__(self) -> None:
        self._face: Callable[[Prompt], str | None] | None = None
        self._there = threading.Event()
        self._waiting: dict[str, tuple[float, str]] = {}

    def answer_by(self, face: Callable[[Prompt], str | None] | None) -> None:
        """Have questions asked by a face from now on; None refuses them all."""
        self._face = face
        self._there.set()

    def ask(self, prompt: Prompt) -> str | None:
        """Ask, and wait for the answer; None is a refusal."""
        self._waiting[prompt.server] = time.time(), prompt.text
        try:
            self._there.wait()
            return self._face(prompt) if self._face is not None else None
        finally:
            self._waiting.pop(prompt.server, None)

    def of(self, server: str) -> tuple[float, str] | None:
        """Since when a server waits for an answer, and to what; None when it does not."""
        return self._waiting.get(server)


def skew(server: Server) -> float:
    """Seconds by which a server's clock is ahead of ours, as it said when it was opened."""
    hello = getattr(server.host, "hello", None)
    return hello.time - hello.heard if hello is not None else 0.0


def condition(server: Server, asked: tuple[float, str] | None, stopped: bool) -> Condition:
    """How a server is.

    Args:
        asked: since when it waits for an answer of the person, and what it asks.
        stopped: whether Postfix was last seen not to run there.
    """
    live = server.live
    limits = server.host.limits or (live.limits if live is not None else "")
    ahead = skew(server)
    if not limits and abs(ahead) > CLOCK_SLACK:
        off = f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
        limits = f"its clock is {off}: ages and retry times mislead by as much"
    scanned, cost = (live.told_at, live.last_whole_cost) if live is not None else (0.0, 0.0)
    if scanned and live is not None and not live.limits:  # postqueue's list bears the time of ours
        scanned -= ahead
    if asked is not None:
        return Condition(Phase.ASKING, *asked, scanned, cost)
    if notice := getattr(server.host, "notice", ""):
        return Condition(Phase.ASKING, 0.0, notice, scanned, cost)
    if live is not None and live.trouble is not None:
        return Condition(Phase.TROUBLE, live.trouble_since, str(live.trouble), scanned, cost)
    if silent := getattr(server.host, "silent", 0.0):
        return Condition(Phase.TROUBLE, time.time() - silent, _SILENT, scanned, cost)
    if live is None or (live.last is None and not server.known):
        return Condition(Phase.OPENING)
    if live.last is None:
        return Condition(Phase.READING, why=limits)
    phase = Phase.LIMITED if limits else Phase.LIVE
    return Condition(phase, 0.0, limits, scanned, cost, stopped)

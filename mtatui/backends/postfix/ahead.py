"""What is done in the same breath with the first look at messages: what they need before postsuper may have
them.

Over a long line that cannot wait until what was looked at has been told. So the hands are told who each
message must be, and leave alone whoever is not: those are seen to afterwards, as all later ones are.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from mtatui.backends.child import Answer, Request
from mtatui.backends.host import HostError
from mtatui.backends.journal import Journal
from mtatui.backends.postfix import aside
from mtatui.backends.postfix.run import Run
from mtatui.backends.postfix.spool import place
from mtatui.queue.message import State
from mtatui.verbs import BOUNCE, DELETE, HOLD, RELEASE

#: How messages are taken out of the corrupt directory.
FREEING = {HOLD: "free", RELEASE: "free", DELETE: "discard"}


class Ahead:
    """What is done to the first messages of a verb along with the look at them."""

    def __init__(self, run: Run, near: Sequence[tuple[str, State]], journal: Journal) -> None:
        """Nothing is asked yet.

        Args:
            near: the first batch: IDs, and where they were when they were chosen.
        """
        self.requests: list[Request] = []
        """What the hands are to be asked behind the look."""
        self.taken: dict[str, aside.Taken] = {}
        """Those that have been taken out of deliveries, or should have been."""
        self.freed: dict[str, Answer] = {}
        """What came of those in the corrupt directory."""
        self.reported: set[str] = set()
        """Those of whom all recipients will be reported."""
        self._names: dict[str, str] = {}
        if run.verb in aside.STOPPING:
            now = time.time_ns() // 1000
            moving = [id for id, state in near if state in aside.MOVING]
            self._names = {id: place.another_id(id, now + number) for number, id in enumerate(moving)}
        self._corrupt = [id for id, state in near if state is State.CORRUPT and run.verb in FREEING]
        self._untold = [id for id, _ in near if run.verb is BOUNCE and id not in self._names]

        def who(id: str) -> list[Any]:
            identity = run.targets[id].identity
            return [identity.arrival, identity.size, identity.sender]

        if self._corrupt:
            self.requests.append((FREEING[run.verb], [[id, *who(id)] for id in self._corrupt]))
        if self._untold:
            self.requests.append(("report_all", [[id, *who(id)] for id in self._untold]))
        if self._names:
            spare = 1 if run.verb is BOUNCE else 0
            items = [[id, new, spare, *who(id)] for id, new in self._names.items()]
            self.requests += aside.taking(run, journal, self._names, items)

    @property
    def names(self) -> dict[str, str]:
        """The queue IDs that messages were to get, by those they had."""
        return dict(self._names)

    def heard(self, answers: list[Any]) -> None:
        """What the hands answered. What they refused as a whole is tried again where it is needed, and then
        told."""
        rest = iter(answers)
        if self._corrupt:
            self.freed = _tried(self._corrupt, next(rest, None))
        if self._untold:
            self.reported = set(_tried(self._untold, next(rest, None)))
        if self._names:
            with contextlib.suppress(HostError, LookupError):
                taken = aside.taken(self._names, list(rest))
                self.taken = {id: one for id, one in taken.items() if one.answer != []}


def _tried(ids: list[str], answers: list[Answer] | HostError | None) -> dict[str, Answer]:
    if answers is None or isinstance(answers, HostError):
        return {}
    return {id: answer for id, answer in zip(ids, answers, strict=True) if answer != []}

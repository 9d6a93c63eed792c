"""How long it takes to read the queue: whole, from a cold disk, and again; against ``postqueue -j``."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator

from bench.figures import Figure, NotMeasured
from bench.generate import draft
from bench.ground import Ground, drop_caches, mtatui, timed
from bench.inside import Inside, started
from mtatui.backends.demo.writer import postfix_owner, write

#: Rounds on a cold disk: each takes its time.
COLD_ROUNDS = 3
CHANGES = 100


def whole(ground: Ground) -> Iterator[Figure]:
    """The whole index, in a process that runs already; and with its start."""

    def ours() -> float:
        with started(ground.config) as inside:
            return _scan(inside, ground)

    mine, peer = ground.pairs(ours, ground.listing)
    yield Figure("whole", "whole index, against postqueue -j", "s", mine, peer, 1.2)
    stats = [*mtatui(), "-c", ground.config, "queue", "stats"]
    mine, peer = ground.pairs(lambda: timed(stats), ground.listing)
    yield Figure("whole", "  the same as one command, its start and an answer included", "s", mine, peer)


def cold(ground: Ground) -> Iterator[Figure]:
    """The same after the kernel has forgotten the disk."""

    def ours() -> float:
        with started(ground.config) as inside:
            drop_caches()
            return _scan(inside, ground)

    def peer() -> float:
        drop_caches()
        return ground.listing()

    yield Figure(
        "cold",
        "whole index with a cold cache, against postqueue -j",
        "s",
        *ground.pairs(ours, peer, COLD_ROUNDS),
        0.6,
    )


def refresh(ground: Ground) -> Iterator[Figure]:
    """Another look at a queue that is known: when nothing has changed, and when a hundred messages have."""
    with started(ground.config) as inside:
        time.sleep(2.1)  # until then the directories are too young to be believed
        _scan(inside, ground)

        def unchanged() -> float:
            answer = inside.ask("again")
            if answer["changes"]:
                raise NotMeasured("somebody else changes the queue that is measured")
            return float(answer["seconds"])

        figure = ground.pairs(unchanged, ground.listing)
        yield Figure("refresh", "refresh, nothing changed, against postqueue -j", "s", *figure, 0.05)
        changing = _Changing(ground)
        mine: list[float] = []
        for _ in range(ground.rounds):
            changing.change()
            answer = inside.ask("again")
            if not answer["changes"]:
                raise NotMeasured("a hundred messages have changed, and nothing was noticed")
            mine.append(answer["seconds"])
        figure = statistics.median(mine), figure[1]
        yield Figure("refresh", "refresh, 100 messages changed, against postqueue -j", "s", *figure, 0.15)


class _Changing:
    """Changes a hundred messages each time: a third arrive, a third are put on hold, a third go."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = ground.ids("deferred")
        self._rng = random.Random(2)

    def change(self) -> None:
        third = CHANGES // 3
        for _ in range(CHANGES - 2 * third):
            write(self._ground.root / "spool", draft(self._rng, time.time()), owner=postfix_owner())
        for option in "hd":
            chosen, self._ids = self._ids[:third], self._ids[third:]
            self._ground.postsuper(option, chosen)


def _scan(inside: Inside, ground: Ground) -> float:
    answer = inside.ask("scan")
    if answer["messages"] < ground.messages * 0.99:
        raise NotMeasured(f"only {answer['messages']:,} of {ground.messages:,} messages were read")
    return float(answer["seconds"])

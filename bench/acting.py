"""How long it takes to act on ten thousand messages, against ``postsuper`` with as many IDs."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, NotMeasured
from bench.ground import Ground
from bench.inside import Inside, started

MANY = 10_000
DELETE_ROUNDS = 3


def hold(ground: Ground) -> Iterator[Figure]:
    """Hold: both the same messages, which are released again in between."""
    ids = ground.ids("deferred")[: min(MANY, ground.messages // 3)]
    with started(ground.config) as inside:
        inside.ask("live")

        def ours() -> float:
            took = _act(inside, "hold", ids)
            ground.postsuper("H", ids)
            return took

        def peer() -> float:
            took = ground.postsuper("h", ids)
            ground.postsuper("H", ids)
            return took

        figure = ground.pairs(ours, peer)
    yield Figure("hold", f"hold {len(ids):,}, to the last receipt, against postsuper -h -", "s", *figure, 2.0)


def delete(ground: Ground) -> Iterator[Figure]:
    """Delete: what is gone is gone, so each takes messages of its own, at random from one queue."""
    each = min(MANY, ground.messages // 10)
    left = ground.ids("deferred")
    with started(ground.config) as inside:
        inside.ask("live")

        def take() -> list[str]:
            nonlocal left
            taken, left = left[:each], left[each:]
            return taken

        figure = ground.pairs(
            lambda: _act(inside, "delete", take()), lambda: ground.postsuper("d", take()), DELETE_ROUNDS
        )
    yield Figure(
        "delete", f"delete {each:,} into the trash, likewise, against postsuper -d -", "s", *figure, 1.5
    )


def _act(inside: Inside, verb: str, ids: list[str]) -> float:
    answer = inside.ask("act", verb, *ids)
    if answer["receipts"] != {"done": len(ids)}:
        raise NotMeasured(f"{verb} of {len(ids):,} messages ended in {answer['receipts']}")
    return float(answer["seconds"])

"""Several private Postfixes as one fleet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mtatui.backends.host_local import LocalHost
from mtatui.fleet import Fleet
from mtatui.queue.query import parse
from mtatui.queue.selection import Outcome, Selection
from mtatui.server import Server
from tests.stack.postfix import PostfixInstance


@contextmanager
def fleet_of(instances: Mapping[str, PostfixInstance]) -> Iterator[Fleet]:
    """The fleet of these instances, each under its name."""
    fleet = Fleet(Server(LocalHost(name), str(instance.config), name) for name, instance in instances.items())
    try:
        yield fleet
    finally:
        fleet.close()


def frozen(fleet: Fleet) -> Selection:
    """All that is in the queues now."""
    troubles = fleet.scan()
    assert not troubles, troubles
    return fleet.index.select(parse(""), int(time.time()))


def told(outcome: Outcome) -> set[tuple[str, str, str]]:
    """What became of the messages, by server."""
    return {(r.id.partition("/")[0], r.result.value, r.text) for r in outcome.receipts}


async def wait_until(condition: Callable[[], object], what: str, timeout: float = 20) -> None:
    """Wait for what servers bring about by themselves."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)

"""Several private Postfixes as one fleet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mtatui.backends.host_local import LocalHost
from mtatui.fleet import Fleet
from mtatui.queue.query import parse
from mtatui.queue.selection import Outcome, Selection
from mtatui.server import Server
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd


@contextmanager
def fleet_of(instances: Mapping[str, PostfixInstance], sshd: Sshd | None = None) -> Iterator[Fleet]:
    """The fleet of these instances, each under its name, here or behind an sshd."""

    def server(name: str, instance: PostfixInstance) -> Server:
        host = sshd.host(name) if sshd is not None else LocalHost(name)
        return Server(host, str(instance.config), name, far=sshd is not None)

    fleet = Fleet(server(name, instance) for name, instance in instances.items())
    try:
        yield fleet
    finally:
        fleet.close()


def frozen(fleet: Fleet) -> Selection:
    """All that is in the queues now."""
    troubles = fleet.scan()
    assert not troubles, troubles
    return fleet.index.select(parse(""), int(time.time()))


def helper(instance: PostfixInstance) -> int:
    """The process that moves the queue files of an instance, wherever it was started from."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended while we looked
            words = path.read_bytes().split(b"\0")
            if b"--hands" in words and str(instance.queue).encode() in words:
                return int(path.parent.name)
    raise AssertionError(f"nobody moves files in {instance.queue}")


def told(outcome: Outcome) -> set[tuple[str, str, str]]:
    """What became of the messages, by server."""
    return {(r.id.partition("/")[0], r.result.value, r.text) for r in outcome.receipts}


async def wait_until(condition: Callable[[], object], what: str, timeout: float = 60) -> None:
    """Wait for what servers bring about by themselves."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.02)

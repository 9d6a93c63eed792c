"""A link over which nothing comes any more: what it costs the other servers, and the end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mtatui.backends import link_line
from mtatui.fleet import Fleet, Phase
from mtatui.queue.selection import Result
from mtatui.server import Server
from mtatui.verbs import HOLD
from tests.stack.fleet import frozen, told, wait_until
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


@pytest.fixture
def world(make_postfix: Callable[..., PostfixInstance]) -> Iterator[tuple[Fleet, Proxy]]:
    """Two servers with a message each, the second behind a wire of ours."""
    instances = {"mx1": make_postfix(), "mx2": make_postfix()}
    for instance in instances.values():
        instance.send("a@sender.test", "full-1@ok.test")
        instance.settle()
    with ExitStack() as running:
        sshd = running.enter_context(Sshd())
        wire = running.enter_context(Proxy(sshd.port))
        sshd.alias("mx2", Port=wire.port, HostKeyAlias=f"[127.0.0.1]:{sshd.port}")
        fleet = Fleet(
            Server(sshd.host(name), str(instance.config), name, far=True)
            for name, instance in instances.items()
        )
        running.callback(fleet.close)
        yield fleet, wire


def sshs() -> list[str]:
    """The processes of ssh that are children of this one."""
    listed = subprocess.run(
        ["ps", "-o", "comm=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [name for name in listed.stdout.split() if name == "ssh"]


async def test_nobody_waits_for_it_and_no_ssh_is_left_behind(world: tuple[Fleet, Proxy]) -> None:
    fleet, wire = world
    fleet.patience = 1.0
    selection = await asyncio.to_thread(frozen, fleet)
    fleet.start()
    fleet.listen(lambda: None)
    await wait_until(lambda: all(fleet.condition(n).phase is Phase.LIVE for n in fleet.names), "both")
    assert len(sshs()) == 2
    wire.freeze()
    held = await fleet.act(HOLD, selection)
    assert {name: part.receipts[0].result for name, part in held.parts.items()} == {
        "mx1": Result.DONE,
        "mx2": Result.FAILED,
    }
    assert told(await fleet.undo()) == {("mx1", "done", "released")}
    await fleet.watch(["mx1"])
    assert fleet.condition("mx1").phase is Phase.LIVE
    await asyncio.to_thread(fleet.close)
    assert sshs() == []


async def test_a_silence_is_told_before_it_is_the_end(
    world: tuple[Fleet, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_line, "SILENCE", 0.5)
    monkeypatch.setattr(link_line, "UNEASY", 0.5)
    monkeypatch.setattr(link_line, "DEAD", 600.0)
    fleet, wire = world
    fleet.start()
    fleet.listen(lambda: None)
    await wait_until(lambda: all(fleet.condition(n).phase is Phase.LIVE for n in fleet.names), "both")
    wire.freeze()
    await wait_until(lambda: fleet.condition("mx2").phase is Phase.TROUBLE, "the silence")
    silence = fleet.condition("mx2")
    assert silence.why == "nothing comes over its connection; if that lasts, it is opened anew"
    assert 0 < time.time() - silence.since < 60
    assert fleet.condition("mx1").phase is Phase.LIVE
    wire.freeze(False)
    await wait_until(lambda: fleet.condition("mx2").phase is Phase.LIVE, "what has been on its way")


async def test_when_it_comes_back_what_was_done_is_found_out(world: tuple[Fleet, Proxy]) -> None:
    fleet, wire = world
    selection = await asyncio.to_thread(frozen, fleet)
    fleet.start()
    fleet.listen(lambda: None)
    await wait_until(lambda: all(fleet.condition(n).phase is Phase.LIVE for n in fleet.names), "both")
    await fleet.settle()
    wire.cut_after(1500)  # somewhere on the way
    outcome = await fleet.act(HOLD, selection)
    assert outcome.parts["mx1"].ok
    fleet.open_again("mx2")
    await wait_until(lambda: fleet.condition("mx2").phase is Phase.LIVE, "the second")
    for settled in await fleet.settle():
        assert told(settled) == {("mx2", "done", "put on hold")}

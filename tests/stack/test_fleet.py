"""Verbs over several real Postfixes: what their own tools say afterwards, and what a dead one costs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from mtatui.fleet import Fleet, Phase
from mtatui.queue.message import State
from mtatui.queue.selection import Result
from mtatui.verbs import DELETE, DELIVER, HOLD, RELEASE
from tests.stack.fleet import fleet_of, frozen, helper, told, wait_until
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd

pytestmark = pytest.mark.stack


@pytest.fixture
def instances(make_postfix: Callable[..., PostfixInstance]) -> dict[str, PostfixInstance]:
    """Three servers with three deferred messages each."""
    made = {name: make_postfix() for name in ("mx1", "mx2", "mx3")}
    for name, instance in made.items():
        for number in range(3):
            instance.send(f"{name}-{number}@sender.test", f"full-{number}@ok.test")
    for instance in made.values():
        instance.settle()
    return made


@pytest.fixture(params=["here", "ssh"])
def sshd(request: pytest.FixtureRequest) -> Iterator[Sshd | None]:
    """What leads to them: nothing, or a real ssh."""
    if request.param == "here":
        yield None
        return
    with Sshd() as sshd:
        yield sshd


@pytest.fixture
def fleet(instances: dict[str, PostfixInstance], sshd: Sshd | None) -> Iterator[Fleet]:
    """They, as one."""
    with fleet_of(instances, sshd) as fleet:
        yield fleet


def states(instances: dict[str, PostfixInstance]) -> dict[str, list[str]]:
    """Where postqueue says the messages of each are."""
    return {
        name: [entry["queue_name"] for entry in instance.postqueue_json()]
        for name, instance in instances.items()
    }


async def test_verbs_over_all_receipts_by_server_and_one_undo(
    fleet: Fleet, instances: dict[str, PostfixInstance]
) -> None:
    selection = frozen(fleet)
    assert len(selection) == 9
    held = await fleet.act(HOLD, selection)
    assert told(held) == {(name, "done", "put on hold") for name in instances}
    assert states(instances) == dict.fromkeys(instances, ["hold"] * 3)
    assert {name: len(part.receipts) for name, part in held.parts.items()} == dict.fromkeys(instances, 3)

    # Each has it in its own journal, all under one name: it is taken back as one.
    deed = await fleet.last_undoable()
    assert deed is not None
    assert (deed.id, deed.verb, len(deed.did)) == (held.entry, "hold", 9)
    assert told(await fleet.undo(deed)) == {(name, "done", "released") for name in instances}
    assert states(instances) == dict.fromkeys(instances, ["deferred"] * 3)

    # What is done to one of them alone is undone alone, and first.
    await fleet.act(DELETE, selection)
    assert states(instances) == {name: [] for name in instances}
    contents = await fleet.trash()
    assert {name: getattr(c, "number", c) for name, c in contents.items()} == dict.fromkeys(instances, 3)
    restored = await fleet.undo()
    assert told(restored) == {(name, "done", "restored, on hold") for name in instances}
    some = frozen(fleet)
    one = type(some)(tuple(t for t in some.targets if t.identity.id.startswith("mx2/")), "mx2", some.at)
    assert told(await fleet.act(RELEASE, one)) == {("mx2", "done", "released")}
    deed = await fleet.last_undoable()
    assert deed is not None
    assert list(deed.entries) == ["mx2"]
    await fleet.undo(deed)
    assert states(instances) == dict.fromkeys(instances, ["hold"] * 3)

    for instance in instances.values():
        instance.remote.heal("full")
    await fleet.act(RELEASE, frozen(fleet))
    await fleet.act(DELIVER, frozen(fleet))
    for instance in instances.values():
        await wait_until(lambda: states(instances) == {name: [] for name in instances}, "the deliveries")
        assert len(instance.remote.deliveries()) == 3


async def test_a_message_is_read_on_its_own_server(
    fleet: Fleet, instances: dict[str, PostfixInstance]
) -> None:
    for target in frozen(fleet).targets:
        name = target.identity.id.partition("/")[0]
        text, more = await fleet.content(target.identity.id, 100_000)
        assert not more
        assert target.identity.sender.startswith(name)
        assert f"full-{target.identity.sender[4]}@ok.test" in await fleet.records(target.identity.id)
        assert any("status=deferred" in line for line in await fleet.log_lines(target.identity.id))
        message = fleet.message(target.identity.id)
        assert message is not None
        assert fleet.expires(message) == message.arrival + 5 * 86400
        assert text


async def test_a_server_whose_helper_stands_still_costs_the_others_nothing_and_settles_later(
    fleet: Fleet, instances: dict[str, PostfixInstance]
) -> None:
    fleet.patience = 1.0
    selection = frozen(fleet)
    hands = fleet.server("mx2").actor.hands
    await asyncio.to_thread(hands.identify, [("AAAAAA", State.HOLD)])
    child = helper(instances["mx2"])
    os.kill(child, signal.SIGSTOP)
    heard: list[str] = []
    outcome = await fleet.act(DELETE, selection, told=lambda name, _: heard.append(name))
    results = {name: {r.result for r in part.receipts} for name, part in outcome.parts.items()}
    assert results == {"mx1": {Result.DONE}, "mx2": {Result.FAILED}, "mx3": {Result.DONE}}
    assert heard[-1] == "mx2"
    assert states(instances) == {"mx1": [], "mx2": ["deferred"] * 3, "mx3": []}

    # The rest is there to work on, meanwhile.
    assert told(await fleet.undo()) == {
        ("mx1", "done", "restored, on hold"), ("mx3", "done", "restored, on hold")
    }  # fmt: skip

    # It goes on, and begins nothing more.
    os.kill(child, signal.SIGCONT)
    await wait_until(lambda: fleet.late, "what it tells after all")
    assert states(instances)["mx2"] == ["deferred"] * 3
    [late] = await fleet.settle()
    assert {name for name, result, _ in told(late) if result == "failed"} == {"mx2"}
    assert await fleet.settle() == []


async def test_what_was_interrupted_on_one_server_is_found_out_and_told_once(
    instances: dict[str, PostfixInstance], sshd: Sshd | None
) -> None:
    with fleet_of(instances, sshd) as fleet:
        await fleet.act(HOLD, frozen(fleet))
    # An intent without an outcome, as a cut link leaves it behind.
    journal = instances["mx3"].queue / "mtatui" / "journal"
    lines = journal.read_text().splitlines()
    assert "outcome_of" in json.loads(lines[-1])
    journal.write_text("".join(f"{line}\n" for line in lines[:-1]))
    with fleet_of(instances, sshd) as fleet:
        [found] = await fleet.settle()
        assert told(found) == {("mx3", "done", "put on hold")}
        assert "interrupted" in found.notes[-1]
        assert await fleet.settle() == []


async def test_the_queues_are_live_and_a_stopped_postfix_is_known(
    fleet: Fleet, instances: dict[str, PostfixInstance]
) -> None:
    fleet.start()
    fleet.listen(lambda: None)
    await wait_until(
        lambda: all(fleet.condition(n).phase is Phase.LIVE for n in fleet.names), "the first scan"
    )
    assert fleet.index.counts()[State.DEFERRED] == 9
    assert fleet.index.counts(["mx1"])[State.DEFERRED] == 3
    instances["mx3"].halt()
    await fleet.watch()
    assert [fleet.condition(name).stopped for name in fleet.names] == [False, False, True]
    new = instances["mx1"].send("new@sender.test", "full-9@ok.test")
    fleet.rescan()
    await wait_until(lambda: fleet.message(f"mx1/{new}"), "the new message")
    assert fleet.message(f"mx2/{new}") is None

"""The verbs on a real Postfix: what its own tools say afterwards, and what the receivers got."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.child import PATIENCE, Request
from mtatui.backends.demo.writer import Draft, To, postfix_owner, write
from mtatui.backends.host import HostError
from mtatui.backends.postfix.act import Actor
from mtatui.queue.selection import Outcome, Result
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE
from tests.stack.acting import acting, frozen
from tests.stack.postfix import PostfixInstance

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("way")]


@pytest.fixture
def make_actor() -> Iterator[Callable[[PostfixInstance], Actor]]:
    """What runs the verbs on an instance."""
    with ExitStack() as actors:
        yield lambda instance: actors.enter_context(acting(instance))


def texts(outcome: Outcome) -> set[tuple[str, str]]:
    return {(receipt.result.value, receipt.text) for receipt in outcome.receipts}


def listed(instance: PostfixInstance) -> dict[str, str]:
    """Where postqueue says each message is."""
    return {entry["queue_id"]: entry["queue_name"] for entry in instance.postqueue_json()}


@pytest.mark.parametrize("long_ids", ["yes", "no"])
async def test_hold_release_delete_undo_and_delivery_at_last(
    make_postfix: Callable[..., PostfixInstance],
    make_actor: Callable[[PostfixInstance], Actor],
    long_ids: str,
) -> None:
    instance = make_postfix(enable_long_queue_ids=long_ids)
    actor = make_actor(instance)
    ids = [instance.send(f"s{n}@sender.test", f"full-{n}@ok.test") for n in range(5)]
    instance.settle()
    selection = frozen(actor, ids)

    assert texts(await actor.act(HOLD, selection)) == {("done", "put on hold")}
    assert listed(instance) == dict.fromkeys(ids, "hold")
    assert texts(await actor.undo()) == {("done", "released")}
    assert listed(instance) == dict.fromkeys(ids, "deferred")

    assert texts(await actor.act(DELETE, selection)) == {("done", "deleted")}
    assert listed(instance) == {}
    contents = await actor.trash.contents()
    assert {message.id for message in contents.messages} == set(ids)
    assert all("mailbox" in m.recipients[0].reason.lower() for m in contents.messages), contents.messages[0]
    assert texts(await actor.act(DELETE, selection)) == {("gone", "not in the queue any more")}

    assert texts(await actor.undo()) == {("done", "restored, on hold")}
    entries = instance.postqueue_json()
    assert {e["queue_id"]: e["queue_name"] for e in entries} == dict.fromkeys(ids, "hold")
    assert all("mailbox" in e["recipients"][0]["delay_reason"].lower() for e in entries)
    assert instance.run("postfix", "check").stderr == b""

    # They are whole: released, they are delivered, each once.
    instance.remote.heal("full")
    await actor.act(RELEASE, selection)
    assert texts(await actor.act(DELIVER, selection)) <= {
        ("done", "scheduled for delivery now"),
        ("done", "is being delivered already"),
    }
    instance.wait_until(lambda: not listed(instance), "the deliveries")
    assert sorted(d.recipients[0] for d in instance.remote.deliveries()) == [
        f"full-{n}@ok.test" for n in range(5)
    ]
    assert os.listdir(instance.queue / "mtatui/trash") == []


async def test_delete_under_a_delivery_stops_no_delivery_and_restores_no_second_one(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = postfix_instance, make_actor(postfix_instance)
    id = instance.send("s@sender.test", "a@slow.test")
    instance.wait_until(lambda: instance.queue_ids("active") == {id}, "a delivery under way")
    outcome = await actor.act(DELETE, frozen(actor, [id]))
    [receipt] = outcome.receipts
    assert (receipt.result, receipt.gist) == (
        Result.DONE,
        "deleted; a delivery already under way is not stopped; it has a new queue ID",
    )
    instance.remote.open_gate()
    instance.wait_until(lambda: len(instance.remote.deliveries()) == 1, "the delivery")
    instance.wait_until(lambda: b"status=sent" in instance.log.read_bytes(), "the log of it")
    await actor.undo()
    assert listed(instance) == {receipt.became: "hold"}
    await actor.act(RELEASE, frozen(actor, [receipt.became]))
    instance.run("postqueue", "-f")
    instance.wait_until(lambda: not listed(instance), "the queue to be empty")
    assert len(instance.remote.deliveries()) == 1


async def test_what_is_delivered_while_postsuper_runs_leaves_no_copy(
    postfix_instance: PostfixInstance, make_actor: Callable[..., Actor]
) -> None:
    """When it has been looked at the message is delivered: postsuper is held up until it is."""
    instance = postfix_instance
    id = instance.send("s@sender.test", "a@grey.test")
    instance.wait_until(lambda: instance.queue_ids("deferred") == {id}, "a first attempt that fails")
    actor = make_actor(instance)
    in_turn = actor.hands.in_turn

    def look_then_deliver(*requests: Request, patience: float = PATIENCE) -> list[Any]:
        answers = in_turn(*requests, patience=patience)
        instance.run("postqueue", "-f")
        instance.wait_until(lambda: not instance.queue_ids(), "the delivery")
        return answers

    actor.hands.in_turn = look_then_deliver  # type: ignore[method-assign]  # a hook
    outcome = await actor.act(DELETE, frozen(actor, [id]))
    assert texts(outcome) == {("gone", "left the queue meanwhile (delivered, returned or deleted)")}
    assert (await actor.trash.contents()).number == 0


async def test_requeue_gives_new_ids_and_bounce_returns_with_the_reason(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = postfix_instance, make_actor(postfix_instance)
    requeued, bounced = instance.send("s@ok.test", "full@ok.test"), instance.send("t@ok.test", "full@ok.test")
    instance.settle()
    instance.postsuper("h", [bounced])
    assert texts(await actor.act(REQUEUE, frozen(actor, [requeued]))) == {("done", "requeued")}
    instance.run("postqueue", "-f")
    instance.wait_until(lambda: b"orig_id=" + requeued.encode() in instance.log.read_bytes(), "a new ID")

    assert texts(await actor.act(BOUNCE, frozen(actor, [bounced]))) == {
        ("done", "will be returned to the sender, and released from hold")
    }
    instance.run("postqueue", "-i", bounced)
    instance.wait_until(
        lambda: any("t@ok.test" in d.recipients for d in instance.remote.deliveries()), "the bounce"
    )
    [report] = [d for d in instance.remote.deliveries() if "t@ok.test" in d.recipients]
    assert b"452" in report.data or b"mailbox" in report.data.lower()


async def test_corrupt_and_maildrop_messages(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = postfix_instance, make_actor(postfix_instance)
    good = [instance.send("s@sender.test", "full@ok.test") for _ in range(3)]
    instance.settle()
    for id in good:  # whole messages, as after a mistake that has been repaired
        path = next((instance.queue / "deferred").rglob(id))
        path.rename(instance.queue / "corrupt" / id).chmod(0o400)
    (instance.queue / "corrupt" / "4jXYYYYYYYzBroken").write_bytes(b"this was a message once")
    os.chown(instance.queue / "corrupt" / "4jXYYYYYYYzBroken", *os.stat(instance.queue / "corrupt")[4:6])
    held, released, requeued = good
    for verb, id, where in ((HOLD, held, "hold"), (RELEASE, released, "deferred"), (REQUEUE, requeued, "")):
        assert (await actor.act(verb, frozen(actor, [id]))).ok
        assert listed(instance).get(id, "") in (where, where or "maildrop")
    assert (await actor.act(DELETE, frozen(actor, ["4jXYYYYYYYzBroken"]))).ok
    assert instance.queue_ids("corrupt") == set()
    await actor.undo()
    assert instance.queue_ids("corrupt") == {"4jXYYYYYYYzBroken"}

    instance.run("postqueue", "-f")
    instance.wait_until(lambda: not instance.queue_ids("maildrop"), "the pickup of what was requeued")
    with instance.frozen("pickup"):
        instance.submit(b"Subject: x\n\nx\n", "-f", "s@sender.test", "someone@full.test")
        id = instance.wait_until(lambda: instance.queue_ids("maildrop"), "it in maildrop").pop()
        selection = frozen(actor, [id])
        assert {result for result, _ in texts(await actor.act(HOLD, selection))} == {"failed"}
        outcome = await actor.act(DELETE, selection)
        assert texts(outcome) == {("done", "deleted")}
        assert instance.queue_ids("maildrop") == set()
        await actor.undo()
        assert instance.queue_ids("maildrop") == {id}
    instance.run("postqueue", "-f")
    instance.wait_until(lambda: b"to=<someone@full.test>" in instance.log.read_bytes(), "its pickup")


async def test_ten_thousand_held_and_deleted_and_brought_back(
    make_postfix: Callable[..., PostfixInstance], make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance = make_postfix()
    now = time.time()
    ids = [
        write(
            instance.queue,
            Draft(
                [To(f"r{n}@full.test", "mailbox full", "4.2.2")],
                sender=f"s{n % 50}@x.test",
                arrival=now - n,
                retry=now + 9999,
            ),
            long_id=bool(n % 2),
            owner=postfix_owner(),
        )
        for n in range(10_000)
    ]
    actor = make_actor(instance)
    selection = frozen(actor, ids)
    for verb, state in ((HOLD, "hold"), (RELEASE, "deferred")):
        assert (await actor.act(verb, selection)).tally() == {Result.DONE: 10_000}
        assert instance.queue_ids(state) == set(ids)
    assert (await actor.act(DELETE, selection)).tally() == {Result.DONE: 10_000}
    assert instance.queue_ids() == set()
    assert (await actor.undo()).tally() == {Result.DONE: 10_000}
    assert instance.queue_ids("hold") == set(ids)


async def test_postsuper_killed_in_the_middle_loses_nothing(
    make_postfix: Callable[..., PostfixInstance], make_actor: Callable[..., Actor]
) -> None:
    instance = make_postfix()
    now = time.time()
    owner = postfix_owner()
    ids = [
        write(
            instance.queue,
            Draft([To("r@full.test")], sender="s@x.test", arrival=now - n, retry=now + 9999),
            owner=owner,
        )
        for n in range(3000)
    ]
    actor = make_actor(instance)

    def kill(done: int, total: int, what: str) -> None:
        if done:
            for stat in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = stat.read_bytes().split(b"\0")
                except OSError:
                    continue
                if words[0] == b"postsuper" and str(instance.config).encode() in words:
                    os.kill(int(stat.parent.name), signal.SIGKILL)

    outcome = await actor.act(DELETE, frozen(actor, ids), progress=kill)
    queued, trashed = instance.queue_ids(), set(os.listdir(instance.queue / "mtatui/trash"))
    assert queued | trashed == set(ids)
    assert not queued & trashed
    assert queued, "it was killed too late"
    for receipt in outcome.receipts:
        assert (receipt.id in trashed) == (receipt.result in (Result.DONE, Result.GONE)), receipt
    assert (await actor.undo()).ok


async def test_tools_tell_what_the_matter_is(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, tools = postfix_instance, make_actor(postfix_instance).tools
    assert (await tools.version())[:2] >= (3, 0)
    assert await tools.status()
    id = instance.send(
        "s@sender.test", "full@ok.test", content=b"Subject: hello\r\n\r\n" + b"x" * 500 + b"\r\n"
    )
    instance.settle()
    assert b"Subject: hello" in (await tools.cat(id, "headers", 10_000))[0]
    body, more = await tools.cat(id, "body", 100)
    assert (len(body), more) == (100, True)
    with pytest.raises(HostError, match="fast_flush_domains"):
        await tools.flush_site("elsewhere.test")
    await tools.flush()
    instance.halt()
    assert not await tools.status()
    with pytest.raises(HostError, match="not running"):
        await tools.flush()

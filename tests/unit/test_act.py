"""The verbs over a spool of real queue files, with a postsuper that can be told to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import make_spool
from mtatui.backends.host import HostError, Missing, NotPermitted, ReadOnly, Unreachable
from mtatui.backends.postfix.run import difference
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Result, Target
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, Verb
from tests.unit.bed import Bed, select, texts


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    make_spool(tmp_path / "q")
    bed = Bed(tmp_path / "q")
    yield bed
    bed.actor.close()


# -- how it goes well ---


@pytest.mark.parametrize(
    ("verb", "state", "where", "text"),
    [
        (HOLD, "deferred", {"hold"}, "put on hold"),
        (HOLD, "corrupt", {"hold"}, "put on hold, out of the corrupt directory"),
        (RELEASE, "hold", {"deferred"}, "released"),
        (RELEASE, "corrupt", {"deferred"}, "released, out of the corrupt directory"),
        (REQUEUE, "hold", {"maildrop"}, "requeued"),
        (REQUEUE, "corrupt", {"maildrop"}, "requeued, out of the corrupt directory"),
        (BOUNCE, "deferred", {"deferred"}, "will be returned to the sender"),
        (BOUNCE, "hold", {"deferred"}, "will be returned to the sender, and released from hold"),
        (DELETE, "deferred", {"mtatui/trash"}, "deleted"),
        (DELETE, "corrupt", {"mtatui/trash", "mtatui/origin"}, "deleted, out of the corrupt directory"),
        (DELETE, "maildrop", {"mtatui/trash", "mtatui/origin"}, "deleted"),
    ],
)
async def test_what_each_verb_does(bed: Bed, verb: Verb, state: str, where: set[str], text: str) -> None:
    target = bed.mail(state)
    outcome = await bed.actor.act(verb, select(target))
    assert texts(outcome) == [("done", text)]
    assert bed.at(target) == where
    assert outcome.ok
    [entry] = bed.actor.journal.entries()
    assert (entry.id, entry.verb, set(entry.did)) == (outcome.entry, verb.id, {target.identity.id})


async def test_what_is_so_already_is_said_so_and_not_ours_to_undo(bed: Bed) -> None:
    held, deferred, waiting = bed.mail("hold"), bed.mail("deferred"), bed.mail("maildrop")
    assert texts(await bed.actor.act(HOLD, select(held, waiting))) == [
        ("done", "was already on hold"),
        ("failed", "still in maildrop: pickup(8) takes it in first (a flush wakes it)"),
    ]
    assert texts(await bed.actor.act(RELEASE, select(deferred))) == [("done", "was not on hold (deferred)")]
    await bed.actor.act(BOUNCE, select(deferred))
    assert texts(await bed.actor.act(BOUNCE, select(deferred, bed.mail("corrupt")))) == [
        ("done", "was already to be returned to the sender"),
        ("failed", "corrupt: Postfix cannot read it; hold, release, requeue or delete it"),
    ]
    assert bed.actor.journal.last_undoable() is None


async def test_what_its_sender_was_not_told_of_is_not_lost_by_a_requeue(bed: Bed) -> None:
    target = bed.mail("hold")
    (bed.spool / "bounce" / target.identity.id).write_text("recipient=x\n")
    [receipt] = (await bed.actor.act(REQUEUE, select(target))).receipts
    assert receipt.result is Result.FAILED
    assert "has not been told yet of a refusal" in receipt.text
    assert bed.at(target) == {"hold", "bounce"}


async def test_who_moved_meanwhile_is_found_and_who_changed_is_spared(bed: Bed) -> None:
    moved, gone, other, bad = bed.mail(), bed.mail(), bed.mail(), bed.mail()
    (bed.spool / "deferred" / moved.identity.id).rename(bed.spool / "active" / moved.identity.id)
    (bed.spool / "deferred" / gone.identity.id).unlink()
    reused = Target(Identity(other.identity.id, 5, other.identity.size, "s@x.test"), State.DEFERRED)
    malformed = Target(Identity("../x", 5, 5, ""), State.DEFERRED)
    outcome = await bed.actor.act(DELETE, select(moved, gone, reused, malformed, bad))
    assert texts(outcome) == [
        (
            "done",
            "deleted; a delivery already under way is not stopped; it has a new queue ID: "
            + outcome.receipts[0].became,
        ),
        ("gone", "not in the queue any more"),
        ("changed", "another message has this ID now: it arrived at another time"),
        ("failed", "not a queue ID"),
        ("done", "deleted"),
    ]
    assert bed.at(other) == {"deferred"}
    assert [r.id for r in outcome.receipts] == [t.identity.id for t in (moved, gone, reused, malformed, bad)]


async def test_hostile_senders_compare_as_they_were_shown(bed: Bed) -> None:
    target = bed.mail(sender="\x1b[31m\u202e<evil>\udcff@x.test")
    assert (await bed.actor.act(HOLD, select(target))).ok


def test_difference_is_told_in_words_fit_for_a_terminal() -> None:
    was = Identity("AAAAA", 1, 2, "a@x")
    assert difference(was, Identity("AAAAA", 1, 2, "a@x")) == ""
    assert difference(was, Identity("AAAAA", 2, 2, "a@x")) == "it arrived at another time"
    assert difference(was, Identity("AAAAA", 1, 3, "a@x")) == "it has 3 bytes, not 2"
    assert "\x1b" not in difference(was, Identity("AAAAA", 1, 2, "b\x1b@x"))


async def test_many_go_through_one_postsuper_with_progress(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(1203)]
    heard: list[tuple[int, int, str]] = []
    here = threading.get_ident()

    def progress(*told: Any) -> None:
        assert threading.get_ident() == here
        heard.append(told)

    outcome = await bed.actor.act(HOLD, select(*targets), progress=progress)
    assert outcome.tally() == {Result.DONE: 1203}
    assert outcome.commands == ["postsuper -h - deferred   (1,203 queue IDs on standard input)"]
    assert sum(entry.argv[0] == "postsuper" for entry in bed.host.log.entries) == 1
    assert heard[-1] == (1203, 1203, "Hold")
    assert [done for done, *_ in heard] == sorted(done for done, *_ in heard)
    assert len(heard) < 2 + outcome.cost / 0.1


# -- what must not be lost ---


async def test_a_second_delete_does_not_touch_what_the_first_put_into_the_trash(bed: Bed) -> None:
    target = bed.mail()
    await bed.actor.act(DELETE, select(target))
    assert texts(await bed.actor.act(DELETE, select(target))) == [("gone", "not in the queue any more")]
    assert bed.at(target) == {"mtatui/trash"}
    assert (await bed.actor.undo()).ok


async def test_links_that_were_made_while_the_helper_died_are_taken_back(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_trash, target = bed.mail(), bed.mail()
    await bed.actor.act(DELETE, select(in_trash))
    real = bed.actor.hands.keep

    def keep_and_die(items: Sequence[tuple[str, State]]) -> object:
        real(items)
        raise Unreachable("the helper has died")

    monkeypatch.setattr(bed.actor.hands, "keep", keep_and_die)
    monkeypatch.setattr("mtatui.backends.postfix.run.BATCH", 1)  # the first batch is asked for otherwise
    outcome = await bed.actor.act(DELETE, select(in_trash, target))
    gone = ("gone", "not in the queue any more")
    assert texts(outcome) == [gone, ("failed", "not done: the helper has died")]
    assert (bed.at(in_trash), bed.at(target)) == ({"mtatui/trash"}, {"deferred"})


async def test_what_was_delivered_meanwhile_leaves_no_copy(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(4)]
    bed.host.mode = "deliver"
    outcome = await bed.actor.act(DELETE, select(*targets))
    gone = ("gone", "left the queue meanwhile (delivered, returned or deleted)")
    assert texts(outcome) == [("done", "deleted"), gone, ("done", "deleted"), gone]
    assert [bed.at(target) for target in targets] == [{"mtatui/trash"}, set(), {"mtatui/trash"}, set()]


async def test_when_postsuper_dies_every_message_is_somewhere_and_told(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(4)]
    bed.host.mode = "die"
    outcome = await bed.actor.act(DELETE, select(*targets))
    assert texts(outcome) == [
        ("done", "deleted"),
        ("gone", "deleted or delivered: postsuper died over it. A copy is in the trash"),
        ("failed", "not done: it is still deferred"),
        ("failed", "not done: it is still deferred"),
    ]
    assert [bed.at(t) for t in targets] == [{"mtatui/trash"}] * 2 + [{"deferred"}] * 2
    assert "postsuper ended before its work did" in outcome.notes[-1]
    [entry] = bed.actor.journal.entries()
    assert entry.finished


async def test_when_postsuper_dies_over_a_hold_the_queue_is_asked(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(3)]
    bed.host.mode = "die"
    outcome = await bed.actor.act(HOLD, select(*targets))
    assert [r.result for r in outcome.receipts] == [Result.DONE, Result.DONE, Result.FAILED]


@pytest.mark.parametrize(
    ("verb", "state"), [(HOLD, "deferred"), (RELEASE, "hold"), (REQUEUE, "hold"), (BOUNCE, "hold")]
)
async def test_silence_is_no_failure(bed: Bed, verb: Verb, state: str) -> None:
    target = bed.mail(state)
    bed.host.mode = "mute"
    assert texts(await bed.actor.act(verb, select(target))) == [("done", verb.done)]


async def test_without_postsuper_nothing_happens(bed: Bed) -> None:
    target = bed.mail()
    bed.host.missing = True
    with pytest.raises(Missing, match="no postsuper on mx1"):
        await bed.actor.act(DELETE, select(target))
    assert bed.at(target) == {"deferred"}
    [entry] = bed.actor.journal.entries()
    assert entry.finished
    assert not entry.did


async def test_a_full_disk_deletes_nothing(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    target = bed.mail()
    real = bed.actor.hands.in_turn

    def full(*requests: Any, patience: float = 60) -> object:
        answers = real(*[request for request in requests if request[0] != "keep"], patience=patience)
        return [*answers, ["No space left on device"]] if requests[-1][0] == "keep" else answers

    monkeypatch.setattr(bed.actor.hands, "in_turn", full)
    assert texts(await bed.actor.act(DELETE, select(target))) == [("failed", "No space left on device")]
    assert bed.at(target) == {"deferred"}


async def test_without_a_journal_nothing_happens(bed: Bed) -> None:
    target = bed.mail()
    (bed.spool / "mtatui").mkdir(mode=0o700, exist_ok=True)
    (bed.spool / "mtatui/journal").mkdir()
    with pytest.raises(HostError, match="nothing was done"):
        await bed.actor.act(HOLD, select(target))
    assert bed.at(target) == {"deferred"}


async def test_cancelled_in_the_middle_tells_exactly_what_was_done(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(2600)]
    cancel = asyncio.Event()

    def progress(done: int, total: int, what: str) -> None:
        if done:
            cancel.set()

    outcome = await bed.actor.act(DELETE, select(*targets), progress=progress, cancel=cancel)
    assert outcome.cancelled
    assert not outcome.ok
    assert set(texts(outcome)) == {("done", "deleted"), ("failed", "not done: cancelled before its turn")}
    for target, receipt in zip(targets, outcome.receipts, strict=True):
        assert bed.at_one(target) == ("mtatui/trash" if receipt.result is Result.DONE else "deferred")


async def test_a_killed_program_leaves_an_entry_that_is_settled_later(bed: Bed) -> None:
    """As after a SIGKILL: intent written, links made, some deleted, no outcome, the lock free."""
    targets = [bed.mail() for _ in range(4)]
    hands, journal = bed.actor.hands, bed.actor.journal
    journal.begin("delete", select(*targets))
    hands.keep([(t.identity.id, t.state) for t in targets[:3]])
    for target in targets[:2]:
        (bed.spool / "deferred" / target.identity.id).unlink()
    hands.close()

    [entry] = journal.unfinished()
    assert entry.verb == "delete"
    [outcome] = await bed.actor.settle()
    assert outcome.notes == [
        "It was interrupted. Found afterwards: 2 deleted (in the trash), 2 not done: it is still deferred."
    ]
    assert [bed.at(t) for t in targets] == [{"mtatui/trash"}] * 2 + [{"deferred"}] * 2
    assert await bed.actor.settle() == []
    [entry] = journal.entries()
    assert entry.interrupted
    assert (await bed.actor.undo()).ok
    assert [bed.at(t) for t in targets] == [{"hold"}] * 2 + [{"deferred"}] * 2


async def test_a_task_that_is_cancelled_the_hard_way_can_be_settled(bed: Bed) -> None:
    targets = [bed.mail() for _ in range(1500)]
    begun = asyncio.Event()
    running = asyncio.create_task(
        bed.actor.act(
            DELETE, select(*targets), progress=lambda done, total, what: begun.set() if done else None
        )
    )
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    [outcome] = await bed.actor.settle()
    for target, receipt in zip(targets, outcome.receipts, strict=True):
        assert bed.at_one(target) == ("mtatui/trash" if receipt.result is Result.DONE else "deferred")


# -- taking it back ---


async def test_undo_restores_what_was_deleted(bed: Bed) -> None:
    target, already_gone = bed.mail(), bed.mail()
    await bed.actor.act(DELETE, select(target, already_gone))
    await bed.actor.trash.remove([already_gone.identity.id])
    outcome = await bed.actor.undo()
    assert texts(outcome) == [("done", "restored, on hold"), ("gone", "not in the trash any more")]
    assert bed.at(target) == {"hold"}
    with pytest.raises(HostError, match="nothing to undo"):
        await bed.actor.undo()


async def test_undo_of_hold_releases_only_what_it_held(bed: Bed) -> None:
    before, ours = bed.mail("hold"), bed.mail()
    await bed.actor.act(HOLD, select(before, ours))
    outcome = await bed.actor.undo()
    assert texts(outcome) == [("done", "released")]
    assert (bed.at(before), bed.at(ours)) == ({"hold"}, {"deferred"})
    assert bed.actor.journal.entries()[0].undoes == bed.actor.journal.entries()[1].id


async def test_undo_of_what_is_final_says_so(bed: Bed) -> None:
    await bed.actor.act(REQUEUE, select(bed.mail("hold")))
    with pytest.raises(HostError, match="Requeue cannot be taken back: the messages have new queue IDs"):
        await bed.actor.undo(bed.actor.journal.entries()[0])


async def test_restore_by_selection_and_the_trash_as_it_is_shown(bed: Bed) -> None:
    target = bed.mail()
    await bed.actor.act(DELETE, select(target))
    [message] = (await bed.actor.trash.contents()).messages
    assert message.state is State.TRASH
    assert (await bed.actor.act(RESTORE, select(Target(message.identity, message.state)))).ok
    assert bed.at(target) == {"hold"}
    await bed.actor.act(DELETE, select(target))
    assert (await bed.actor.trash.empty())[0] == 1
    assert bed.at(target) == set()


# -- delivering now, and what is refused ---


async def test_deliver_asks_for_each_that_can_be_tried(bed: Bed) -> None:
    deferred, held, active = bed.mail(), bed.mail("hold"), bed.mail("active")
    outcome = await bed.actor.act(DELIVER, select(deferred, held, active))
    assert texts(outcome) == [
        ("done", "scheduled for delivery now"),
        ("failed", "on hold: release it first"),
        ("done", "is being delivered already"),
    ]
    assert (bed.spool / "delivered").read_text().split() == [deferred.identity.id]


async def test_an_ordinary_user_can_deliver_and_nothing_else(bed: Bed) -> None:
    target = bed.mail()
    bed.host.superuser = False
    assert (await bed.actor.act(DELIVER, select(target))).ok
    for verb in (HOLD, RELEASE, REQUEUE, DELETE, BOUNCE, RESTORE):
        with pytest.raises(NotPermitted, match="needs root"):
            await bed.actor.act(verb, select(target))
    with pytest.raises(NotPermitted):
        await bed.actor.trash.contents()
    assert bed.at(target) == {"deferred"}


async def test_read_only_refuses_every_verb(bed: Bed) -> None:
    target = bed.mail()
    bed.host.read_only = True
    for verb in (HOLD, RELEASE, REQUEUE, DELETE, BOUNCE, DELIVER, RESTORE):
        with pytest.raises(ReadOnly):
            await bed.actor.act(verb, select(target))
    with pytest.raises(ReadOnly):
        await bed.actor.trash.empty()


async def test_bounce_on_an_old_postfix_says_why_not(bed: Bed) -> None:
    bed.host.version = "3.4.23"
    with pytest.raises(HostError, match=r"needs Postfix 3\.5 or newer; mx1 has 3\.4\.23"):
        await bed.actor.act(BOUNCE, select(bed.mail()))

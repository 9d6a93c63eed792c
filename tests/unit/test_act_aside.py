"""The verbs on messages in the middle of a delivery: they get new queue IDs, and everybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.child import Answer, Request
from mtatui.backends.demo.writer import make_spool
from mtatui.backends.host import Unreachable
from mtatui.backends.postfix.spool import place
from mtatui.queue.message import State
from mtatui.queue.selection import Result, Target
from mtatui.verbs import BOUNCE, DELETE, HOLD, Verb
from tests.unit.bed import Bed, renamed, select, texts


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    make_spool(tmp_path / "q")
    bed = Bed(tmp_path / "q")
    yield bed
    bed.actor.close()


def overtake(real: Any, spool: Path, id: str) -> Any:
    """What is done before postsuper has a message; and then the queue manager is faster."""

    def prepare(*args: Any) -> Any:
        go = real(*args)
        with suppress(FileNotFoundError):
            (spool / "deferred" / id).rename(spool / "active" / id)
        return go

    return prepare


@pytest.mark.parametrize("long_id", [True, False])
@pytest.mark.parametrize(
    ("verb", "state", "where", "text"),
    [
        (HOLD, "incoming", "hold", "put on hold"),
        (HOLD, "active", "hold", "put on hold; a delivery already under way is not stopped"),
        (BOUNCE, "incoming", "deferred", "will be returned to the sender"),
        (
            BOUNCE,
            "active",
            "deferred",
            "will be returned to the sender; a delivery already under way is not stopped",
        ),
        (DELETE, "incoming", "mtatui/trash", "deleted"),
        (DELETE, "active", "mtatui/trash", "deleted; a delivery already under way is not stopped"),
    ],
)
async def test_what_is_taken_out_of_a_delivery_gets_a_new_queue_id(
    bed: Bed, verb: Verb, state: str, where: str, text: str, long_id: bool
) -> None:
    target = bed.mail(state, long_id=long_id)
    inode = (bed.spool / state / target.identity.id).stat().st_ino
    outcome = await bed.actor.act(verb, select(target))
    [receipt] = outcome.receipts
    assert (receipt.id, receipt.result) == (target.identity.id, Result.DONE)
    assert receipt.text == f"{text}; it has a new queue ID: {receipt.became}"
    assert bed.at(target) == {"mtatui/renamed"}
    assert bed.at(renamed(target, receipt)) == {where}
    assert (bed.spool / where / receipt.became).stat().st_ino == inode
    assert place.is_long(receipt.became) == long_id
    assert place.fits(receipt.became, inode)
    # Many such receipts are one line of the story.
    [entry] = bed.actor.journal.entries()
    assert entry.tally == {f"{text}; it has a new queue ID": 1}
    assert entry.outcome is not None
    assert entry.outcome.receipts == [receipt]
    if verb is BOUNCE:
        return
    # And it is taken back by its new name.
    undone = await bed.actor.undo()
    assert [r.result for r in undone.receipts] == [Result.DONE]
    assert bed.at(renamed(target, receipt)) == {"deferred" if verb is HOLD else "hold"}


@pytest.mark.parametrize("verb", [HOLD, DELETE])
async def test_what_goes_into_a_delivery_before_postsuper_comes_to_it_is_taken_out(
    bed: Bed, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """postsuper must not move it under its own ID, so it does not look there."""
    targets = [bed.mail() for _ in range(3)]
    moved = targets[1].identity.id
    monkeypatch.setattr(bed.actor, "_prepare", overtake(bed.actor._prepare, bed.spool, moved))
    outcome = await bed.actor.act(verb, select(*targets))
    assert outcome.ok, texts(outcome)
    assert [bool(receipt.became) for receipt in outcome.receipts] == [False, True, False]
    where = "hold" if verb is HOLD else "mtatui/trash"
    assert bed.at(renamed(targets[1], outcome.receipts[1])) == {where}
    assert bed.at(targets[1]) == {"mtatui/renamed"}
    assert len(outcome.commands) == (1 if verb is HOLD else 2)
    assert (await bed.actor.undo()).ok


async def test_what_came_to_its_end_before_it_could_be_taken_out_is_gone(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bed.mail("active")
    real = bed.actor.hands.each

    def delivered(operation: str, ids: Iterable[str]) -> list[Answer]:
        answers = real(operation, ids)
        if operation == "fresh":
            (bed.spool / "active" / target.identity.id).unlink()
        return answers

    monkeypatch.setattr(bed.actor.hands, "each", delivered)
    assert texts(await bed.actor.act(DELETE, select(before_that(target)))) == [
        ("gone", "left the queue meanwhile (delivered, returned or deleted)")
    ]
    assert bed.at(target) == set()


def before_that(target: Target) -> Target:
    """As it was chosen when it still was deferred: it is not taken out along with the first look."""
    return replace(target, state=State.DEFERRED)


@pytest.mark.parametrize("chosen", [State.ACTIVE, State.DEFERRED])
async def test_when_new_queue_ids_cannot_be_written_down_none_is_given(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, chosen: State
) -> None:
    target = bed.mail("active")
    monkeypatch.setattr(bed.actor.journal, "renaming", lambda *_: ("note",))
    [(result, text)] = texts(await bed.actor.act(HOLD, select(replace(target, state=chosen))))
    assert (result, "not done: mx1: not understood" in text) == ("failed", True)
    assert bed.at(target) == {"active"}


async def test_when_the_helper_dies_over_it_the_message_is_on_hold_and_told(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bed.mail("active")
    real = bed.actor.hands.in_turn

    def take_and_die(*requests: Request, **patience: float) -> object:
        answers = real(*requests, **patience)
        if any(request[0] == "aside" for request in requests):
            raise Unreachable("the helper has died")
        return answers

    monkeypatch.setattr(bed.actor.hands, "in_turn", take_and_die)
    [receipt] = (await bed.actor.act(DELETE, select(before_that(target)))).receipts
    assert receipt.result is Result.FAILED
    assert receipt.text == f"not done: it is on hold; it has a new queue ID: {receipt.became}"
    assert bed.at(renamed(target, receipt)) == {"hold", "mtatui/trash"}


async def test_when_the_helper_dies_over_the_first_look_nobody_knows_and_it_is_found_out(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = bed.mail("active"), bed.mail()
    real = bed.actor.hands._exchange

    def answer_and_die(*arguments: Any) -> bytes:
        real(*arguments)
        monkeypatch.undo()
        raise EOFError

    monkeypatch.setattr(bed.actor.hands, "_exchange", answer_and_die)
    outcome = await bed.actor.act(DELETE, select(target, other))
    assert [text.partition(":")[0] for _, text in texts(outcome)] == ["it is not known what came of it"] * 2
    [settled] = await bed.actor.settle()
    [taken, left] = settled.receipts
    assert taken.text == f"not done: it is on hold; it has a new queue ID: {taken.became}"
    assert left.text == "not done: it is still deferred"
    assert bed.at(renamed(target, taken)) == {"hold"}
    assert bed.at(other) == {"deferred"}


@pytest.mark.parametrize("verb", [HOLD, DELETE, BOUNCE])
@pytest.mark.parametrize("sender", ["other@x.test", "s@x.test"])
async def test_only_who_was_meant_is_taken_out_along_with_the_first_look(
    bed: Bed, verb: Verb, sender: str
) -> None:
    target = bed.mail("active")
    outcome = await bed.actor.act(
        verb, select(replace(target, identity=replace(target.identity, sender=sender)))
    )
    assert (outcome.ok, bed.at(target) == {"active"}) == (
        (True, False) if sender[0] == "s" else (False, True)
    )


async def test_what_is_returned_already_stays_in_its_delivery(bed: Bed) -> None:
    target = bed.mail("active")
    (bed.spool / "active" / target.identity.id).chmod(0o710)
    assert texts(await bed.actor.act(BOUNCE, select(target))) == [
        ("done", "was already to be returned to the sender")
    ]
    assert bed.at(target) == {"active"}


async def test_what_is_called_off_after_the_first_look_is_brought_to_its_end_where_it_was_begun(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, cancel = bed.mail("active"), asyncio.Event()
    real = bed.actor.hands.in_turn

    def answer_and_cancel(*requests: Any, **patience: float) -> object:
        answers = real(*requests, **patience)
        cancel.set()
        return answers

    monkeypatch.setattr(bed.actor.hands, "in_turn", answer_and_cancel)
    outcome = await bed.actor.act(DELETE, select(target), cancel=cancel)
    [receipt] = outcome.receipts
    assert receipt.result is Result.DONE
    assert bed.at(renamed(target, receipt)) == {"mtatui/trash"}


@pytest.mark.parametrize("verb", [HOLD, DELETE])
async def test_what_was_taken_out_when_the_program_died_is_recognised(bed: Bed, verb: Verb) -> None:
    taken, not_taken = bed.mail("active"), bed.mail("active")
    hands, journal = bed.actor.hands, bed.actor.journal
    entry = journal.begin(verb.id, select(taken, not_taken))
    ids = [taken.identity.id, not_taken.identity.id]
    names = {id: answer[0] for id, answer in zip(ids, hands.ask("fresh", [[id] for id in ids]), strict=True)}
    hands.ask(*journal.renaming(entry, names))
    [[new]] = hands.ask("aside", [[ids[0], names[ids[0]]]])
    # It died before the logs had been given their new name.
    (bed.spool / "bounce" / ids[0]).write_text("recipient=refused\n")
    hands.close()
    [outcome] = await bed.actor.settle()
    first, second = outcome.receipts
    assert first.became == new
    assert first.result is (Result.DONE if verb is HOLD else Result.FAILED)
    assert (second.result, second.text) == (Result.FAILED, "not done: it is still active")
    assert bed.at(renamed(taken, first)) == {"hold", "bounce"}
    assert bed.at(not_taken) == {"active"}
    if verb is HOLD:
        assert (await bed.actor.undo()).ok
        assert bed.at(renamed(taken, first)) == {"deferred", "bounce"}


async def test_bounce_reports_those_too_of_whom_no_log_tells(bed: Bed) -> None:
    told, untold = bed.mail("hold"), bed.mail("hold")
    for target, recipient in ((told, "r@y.test"), (untold, "another@y.test")):
        log = bed.spool / "defer" / target.identity.id
        log.write_text(f"<{recipient}>: \nrecipient={recipient}\nstatus=4.0.0\nreason=busy\n\n")
    assert (await bed.actor.act(BOUNCE, select(told, untold))).ok
    assert bed.at(told) == {"deferred", "defer"}
    assert bed.at(untold) == {"deferred"}

"""The verbs on messages in the middle of a delivery: they get new queue IDs, and everybody is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import make_spool
from mtatui.backends.host import HostError, Unreachable
from mtatui.backends.postfix.spool import place
from mtatui.queue.message import State
from mtatui.queue.selection import Result
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
    real = bed.actor.journal.rename

    def delivered(entry: str, names: dict[str, str]) -> None:
        real(entry, names)
        (bed.spool / "active" / target.identity.id).unlink()

    monkeypatch.setattr(bed.actor.journal, "rename", delivered)
    assert texts(await bed.actor.act(DELETE, select(target))) == [
        ("gone", "left the queue meanwhile (delivered, returned or deleted)")
    ]
    assert bed.at(target) == set()


async def test_when_new_queue_ids_cannot_be_written_down_none_is_given(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bed.mail("active")

    def full(entry: str, names: dict[str, str]) -> None:
        raise HostError("No space left on device")

    monkeypatch.setattr(bed.actor.journal, "rename", full)
    assert texts(await bed.actor.act(HOLD, select(target))) == [
        ("failed", "not done: No space left on device")
    ]
    assert bed.at(target) == {"active"}


async def test_when_the_helper_dies_over_it_the_message_is_on_hold_and_told(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bed.mail("active")
    real = bed.actor.hands.keep

    def keep_and_die(items: Sequence[tuple[str, State]]) -> object:
        answers = real(items)
        if items[0][1] is State.HOLD:
            raise Unreachable("the helper has died")
        return answers

    monkeypatch.setattr(bed.actor.hands, "keep", keep_and_die)
    [receipt] = (await bed.actor.act(DELETE, select(target))).receipts
    assert receipt.result is Result.FAILED
    assert receipt.text == f"not done: the helper has died; it has a new queue ID: {receipt.became}"
    assert bed.at(renamed(target, receipt)) == {"hold"}


@pytest.mark.parametrize("verb", [HOLD, DELETE])
async def test_what_was_taken_out_when_the_program_died_is_recognised(bed: Bed, verb: Verb) -> None:
    taken, not_taken = bed.mail("active"), bed.mail("active")
    hands, journal = bed.actor.hands, bed.actor.journal
    entry = journal.begin(verb.id, select(taken, not_taken))
    ids = [taken.identity.id, not_taken.identity.id]
    names = {id: answer[0] for id, answer in zip(ids, hands.ask("fresh", [[id] for id in ids]), strict=True)}
    journal.rename(entry, names)
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

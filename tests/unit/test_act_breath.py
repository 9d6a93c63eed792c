"""What is asked in one breath before postsuper and behind it: nothing half done where it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import make_spool
from mtatui.backends.host import HostError, Unreachable
from mtatui.verbs import DELETE, HOLD, RESTORE, Verb
from tests.unit.bed import Bed, select, texts


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    make_spool(tmp_path / "q")
    bed = Bed(tmp_path / "q")
    yield bed
    bed.actor.close()


@pytest.mark.parametrize("verb", [HOLD, DELETE])
async def test_no_more_is_asked_than_twice(bed: Bed, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    """With postsuper in between that makes three times that a long line is gone along and back."""
    asked: list[str] = []
    real = bed.actor.hands.ask

    def ask(operation: str, *arguments: Any, **patience: float) -> Any:
        asked.append(operation)
        return real(operation, *arguments, **patience)

    monkeypatch.setattr(bed.actor.hands, "ask", ask)
    purge = (1e9, 2**60) if verb is DELETE else None
    assert (await bed.actor.act(verb, select(bed.mail(), bed.mail()), purge=purge)).ok
    assert asked == ["in turn", "in turn"]


async def test_a_restore_asks_for_no_more_than_it_does(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = bed.mail(), bed.mail()
    await bed.actor.act(DELETE, select(*targets))
    asked: list[str] = []
    real = bed.actor.hands.ask

    def ask(operation: str, *arguments: Any, **patience: float) -> Any:
        asked.append(operation)
        return real(operation, *arguments, **patience)

    monkeypatch.setattr(bed.actor.hands, "ask", ask)
    assert (await bed.actor.act(RESTORE, select(*targets))).ok
    assert asked == ["in turn", "in turn"]


async def test_a_restore_whose_answer_is_lost_is_not_called_undone(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done in the breath in which it is announced: when the helper dies over that, nobody knows."""
    target = bed.mail()
    await bed.actor.act(DELETE, select(target))
    real = bed.actor.hands._exchange

    def answer_and_die(*arguments: Any) -> bytes:
        real(*arguments)
        raise EOFError

    monkeypatch.setattr(bed.actor.hands, "_exchange", answer_and_die)
    outcome = await bed.actor.act(RESTORE, select(target))
    monkeypatch.undo()
    [(result, text)] = texts(outcome)
    assert result == "failed"
    assert text.startswith("it is not known what came of it: The helper on mx1")
    [settled] = await bed.actor.settle()
    assert texts(settled) == [("done", "restored, on hold")]
    assert bed.at(target) == {"hold"}


async def test_who_is_in_the_trash_under_another_name_is_not_restored(bed: Bed) -> None:
    """It is seen where the message is, and not only here when it is too late."""
    target = bed.mail()
    await bed.actor.act(DELETE, select(target))
    other = replace(target, identity=replace(target.identity, sender="other@x.test"))
    outcome = await bed.actor.act(RESTORE, select(other))
    assert texts(outcome)[0][0] == "changed"
    assert bed.at(target) == {"mtatui/trash"}


async def test_whose_sender_is_not_shown_as_it_is_comes_back_all_the_same(bed: Bed) -> None:
    target = bed.mail(sender="\x1b[2Jevil@x.test")
    await bed.actor.act(DELETE, select(target))
    assert (await bed.actor.act(RESTORE, select(target))).ok
    assert bed.at(target) == {"hold"}


async def test_when_the_helper_dies_over_its_first_questions_nothing_is_done(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_trash, target = bed.mail(), bed.mail()
    await bed.actor.act(DELETE, select(in_trash))
    real = bed.actor.hands.in_turn

    def answer_and_die(*requests: Any, patience: float) -> object:
        real(*requests, patience=patience)
        raise Unreachable("the helper has died")

    monkeypatch.setattr(bed.actor.hands, "in_turn", answer_and_die)
    with pytest.raises(Unreachable):
        await bed.actor.act(DELETE, select(in_trash, target))
    assert (bed.at(in_trash), bed.at(target)) == ({"mtatui/trash"}, {"deferred"})


async def test_what_is_called_off_before_it_begins_leaves_no_copy(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, cancel = bed.mail(), asyncio.Event()
    real = bed.actor.hands.in_turn

    def answer_and_cancel(*requests: Any, **patience: float) -> object:
        answers = real(*requests, **patience)
        cancel.set()
        return answers

    monkeypatch.setattr(bed.actor.hands, "in_turn", answer_and_cancel)
    outcome = await bed.actor.act(DELETE, select(target), cancel=cancel)
    assert outcome.cancelled
    assert texts(outcome) == [("failed", "not done: cancelled before its turn")]
    assert bed.at(target) == {"deferred"}


async def test_before_something_is_deleted_the_trash_is_purged(bed: Bed) -> None:
    old, target = bed.mail(), bed.mail()
    await bed.actor.act(DELETE, select(old))
    outcome = await bed.actor.act(DELETE, select(target), purge=(0, 0))
    assert outcome.ok
    assert (bed.at(old), bed.at(target)) == (set(), {"mtatui/trash"})


async def test_an_outcome_that_cannot_be_written_down_is_told_and_the_lock_is_free(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bed.mail()
    real = bed.actor.hands.in_turn

    def forgetful(*requests: Any, **patience: float) -> object:
        return [HostError("the disk is full")] if requests[0][0] == "note" else real(*requests, **patience)

    monkeypatch.setattr(bed.actor.hands, "in_turn", forgetful)
    outcome = await bed.actor.act(HOLD, select(target))
    assert texts(outcome) == [("done", "put on hold")]
    assert "its outcome is not in the journal: the disk is full" in outcome.notes[-1]
    monkeypatch.undo()
    other = Bed(bed.spool)
    assert (await other.actor.act(HOLD, select(target))).ok
    other.actor.close()
    [_, entry] = bed.actor.journal.entries()
    assert not entry.finished


async def test_what_is_refused_in_the_middle_leaves_the_rest_undone(bed: Bed) -> None:
    target = bed.mail()
    item = (target.identity.id, "deferred")
    lock, refused = bed.actor.hands.in_turn(("lock", "me"), ("nosuch", [item]), ("keep", [item]))
    assert lock is None or lock == ""
    assert isinstance(refused, HostError)
    assert bed.at(target) == {"deferred"}

"""What is said before a verb acts and after it: true for one message and for a mixture."""

from __future__ import annotations

import time

import pytest

from mtatui import ask
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import BlastRadius, Outcome, Receipt, Result, Selection, Target
from mtatui.verbs import DELETE, HOLD, RESTORE, VERBS, Verb

NOW = time.time()


def selection(*states: State) -> Selection:
    targets = (Target(Identity(f"ABC{n:05}", 1, 10, "a@b.test"), state) for n, state in enumerate(states))
    return Selection(tuple(targets), "12 marked", NOW)


def question(verb: Verb, *states: State) -> str:
    radius = BlastRadius(len(states), 0, (), 0, (), 0, 10, 0, 0)
    return "\n".join(ask.question(verb, selection(*states), radius, kept_days=7))


def outcome(verb: Verb, *receipts: Receipt) -> Outcome:
    done = Outcome(verb.id, NOW)
    done.receipts = list(receipts)
    return done


def test_a_mixture_is_told_by_state_the_most_first() -> None:
    said = question(DELETE, State.CORRUPT, State.DEFERRED, State.HOLD, State.DEFERRED)
    assert "2 deferred, 1 corrupt, 1 on hold" in said


def test_what_is_being_delivered_is_warned_of() -> None:
    assert "a delivery under way is not stopped" in question(HOLD, State.ACTIVE)
    assert "under way" not in question(HOLD, State.DEFERRED)


def test_corrupt_messages_are_not_said_to_go_through_postsuper() -> None:
    assert "postsuper -d" not in question(DELETE, State.CORRUPT)
    mixed = question(DELETE, State.CORRUPT, State.HOLD)
    assert "postsuper -d -" in mixed
    assert "(1 queue ID on stdin)" in mixed


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.id)
def test_a_line_of_a_question_fits_its_dialog(verb: Verb) -> None:
    assert max(len(line) for line in question(verb, State.DEFERRED).splitlines()) <= 68


def test_what_went_back_to_corrupt_is_not_said_to_be_on_hold() -> None:
    held = Receipt("ABC00001", Result.DONE, RESTORE.done)
    corrupt = Receipt("ABC00002", Result.DONE, "restored, back in the corrupt directory it came from")
    assert ask.did(outcome(RESTORE, held)) == "restored, on hold"
    assert ask.did(outcome(RESTORE, held, corrupt)) == "restored"
    assert ask.did(outcome(HOLD, held)) == "put on hold"

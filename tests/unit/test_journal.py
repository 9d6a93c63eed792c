"""The journal, through the real helper: it knows what was begun, what came of it, what was cut short."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui.backends import journal as module
from mtatui.backends.child import Hands
from mtatui.backends.demo.writer import make_spool
from mtatui.backends.host import HostError, ReadOnly, TimedOut, Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.journal import Journal
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection, Target


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    make_spool(tmp_path / "q")
    return tmp_path / "q"


@pytest.fixture
def hands(spool: Path) -> Iterator[Hands]:
    hands = Hands(LocalHost("mx1"), str(spool), "deferred, defer", 1)
    yield hands
    hands.close()


def selection(*ids: str, sender: str = "s@x.test") -> Selection:
    return Selection(
        tuple(Target(Identity(id, 1000, 20, sender), State.DEFERRED) for id in ids),
        "from:s@x.test",
        time.time(),
    )


def outcome(entry: str, verb: str, **receipts: str) -> Outcome:
    story = Outcome(verb, time.time(), entry=entry)
    story.receipts = [Receipt(id, Result(what.partition(",")[0]), what) for id, what in receipts.items()]
    return story


def test_an_intent_and_its_outcome_come_back_whole(hands: Hands) -> None:
    hostile = '"quo\x1b[31m\u202eted"\ud800\n@x.test'
    journal = Journal(hands)
    entry = journal.begin("delete", selection("AAAAA", "BBBBB", "CCCCC", sender=hostile))
    [begun] = journal.entries()
    assert (begun.id, begun.verb, begun.who, begun.finished) == (entry, "delete", module.user(), False)
    assert begun.selection.targets[0].identity == Identity("AAAAA", 1000, 20, hostile)
    assert begun.selection.chosen_by == "from:s@x.test"
    assert begun.outcome is None

    told = outcome(entry, "delete", AAAAA="done", BBBBB="gone", CCCCC="failed, disk")
    told.commands, told.notes, told.cancelled = ["postsuper -d -"], ["careful"], True
    journal.end(told, ["AAAAA"])
    [ended] = Journal(hands).entries()
    assert ended.did == {"AAAAA"}
    assert ended.tally == {"done": 1, "gone": 1, "failed, disk": 1}
    assert ended.outcome is not None
    assert ended.outcome.receipts == told.receipts
    assert (ended.outcome.commands, ended.outcome.cancelled) == (["postsuper -d -"], True)


def test_what_was_interrupted_is_known_but_not_what_still_runs(hands: Hands, spool: Path) -> None:
    journal = Journal(hands)
    journal.begin("hold", selection("AAAAA"))
    journal.end(outcome(journal.begin("hold", selection("BBBBB")), "hold", BBBBB="done"), ["BBBBB"])
    other = Hands(LocalHost("mx1"), str(spool), "deferred, defer", 1)
    try:
        assert other.ask("lock", "alice") == ""
        running = Journal(other).begin("delete", selection("CCCCC"))
        assert [entry.verb for entry in journal.unfinished()] == ["hold"]
    finally:
        other.close()  # alice's mtatui dies
    assert {entry.id for entry in journal.unfinished()} >= {running}
    assert len(journal.unfinished()) == 2


def test_the_last_that_can_be_undone(hands: Hands) -> None:
    journal = Journal(hands)
    assert journal.last_undoable() is None

    def did(verb: str, undoes: str = "", *ids: str) -> str:
        time.sleep(0.002)
        entry = journal.begin(verb, selection("AAAAA"), undoes)
        journal.end(outcome(entry, verb, AAAAA="done"), ids)
        return entry

    hold, delete = did("hold", "", "AAAAA"), did("delete", "", "AAAAA")
    did("delete")  # changed nothing
    did("requeue", "", "AAAAA")
    entry = journal.last_undoable()
    assert entry is not None
    assert entry.id == delete
    did("restore", delete, "AAAAA")
    entry = journal.last_undoable()
    assert entry is not None
    assert entry.id == hold
    did("release", hold, "AAAAA")
    assert journal.last_undoable() is None


def test_lines_that_are_not_ours_are_passed_over(hands: Hands, spool: Path) -> None:
    journal = Journal(hands)
    entry = journal.begin("hold", selection("AAAAA"))
    with (spool / "mtatui/journal").open("ab") as file:
        file.write(b'{"entry": 5}\nnull\n[]\n{"outcome_of":"never"}\n\xff\xfe\n')
        file.write(
            b'{"entry": "x", "verb": "hold", "undoes": "", "at": "y"}\n{"outcome_of": [], "did": "A"}\n{"half'
        )
    journal.end(outcome(entry, "hold", AAAAA="done"), ["AAAAA"])
    assert [(e.id, e.finished) for e in journal.entries()] == [(entry, True)]
    last = journal.last_undoable()
    assert last is not None
    assert (last.id, set(last.did)) == (entry, {"AAAAA"})


async def test_one_at_a_time_and_the_other_is_told_who(
    hands: Hands, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    other = Hands(LocalHost("mx1"), str(spool), "deferred, defer", 1)
    try:
        async with Journal(other).working("delete"):
            with pytest.raises(HostError, match=rf"{module.user()} \(delete since"):
                async with Journal(hands).working("hold"):
                    pytest.fail("both at once")
        async with Journal(hands).working("hold"):
            pass
    finally:
        other.close()


async def test_two_in_one_program_wait_for_each_other(hands: Hands) -> None:
    journal = Journal(hands)
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with journal.working("hold"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(5)))


def test_nothing_can_be_begun_when_it_cannot_be_written(hands: Hands, spool: Path) -> None:
    (spool / "mtatui").mkdir(mode=0o700)
    (spool / "mtatui/journal").mkdir()
    with pytest.raises(HostError, match="so nothing was done"):
        Journal(hands).begin("delete", selection("AAAAA"))


def test_a_read_only_host_has_hands_that_only_look(spool: Path) -> None:
    hands = Hands(LocalHost("mx1", read_only=True), str(spool), "", 1)
    try:
        assert hands.identify([("AAAAA", State.HOLD)]) == [None]
        assert Journal(hands).entries() == []
        with pytest.raises(ReadOnly):
            Journal(hands).begin("delete", selection("AAAAA"))
    finally:
        hands.close()
    assert not (spool / "mtatui").exists()


def test_a_dead_helper_is_told_and_replaced(hands: Hands) -> None:
    assert hands.identify([("AAAAA", State.HOLD)]) == [None]
    assert hands._child is not None
    hands._child.kill()
    hands._child.wait()
    assert hands.identify([("AAAAA", State.HOLD)]) == [None]


def test_a_helper_that_cannot_run_is_told_in_its_own_words(spool: Path) -> None:
    hands = Hands(LocalHost("mx1"), str(spool), "", "not a number")
    with pytest.raises(Unreachable, match=r"helper on mx1 .* has died: ValueError: invalid literal"):
        hands.identify([])


def test_a_helper_that_hangs_is_stopped(hands: Hands) -> None:
    hands.argv = ["sleep", "600"]
    with pytest.raises(TimedOut, match="did not answer in time"):
        hands.ask("identify", [], patience=0.2)
    assert hands._child is None


def test_large_requests_and_answers_pass(hands: Hands) -> None:
    ids = [f"AAAAA{number}" for number in range(60_000)]
    assert hands.identify([(id, State.HOLD) for id in ids]) == [None] * len(ids)


def test_the_user_behind_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    assert module.user() == "alice"
    monkeypatch.delenv("SUDO_USER")
    assert module.user() == ("root" if os.geteuid() == 0 else module.user())

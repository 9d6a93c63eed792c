"""The history of settings, read through the program that writes it; without a Postfix."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest

from mtatui.backends import applying, history
from mtatui.backends.applying import Ending
from mtatui.backends.history import Entry, FileChange
from mtatui.backends.host import HostError, ReadOnly
from mtatui.backends.host_local import LocalHost
from mtatui.settings.plan import Change, Edit, Plan

HOST = LocalHost()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_bytes(b"a = 1\n")
    return tmp_path


def plan(root: Path, after: bytes, **more: str) -> Plan:
    path = root / "main.cf"
    change = Change("inbound.x", "X", "1", "2\033[31m")
    edit = Edit(str(path), path.read_bytes(), after)
    return dataclasses.replace(Plan("mx", (change,), ("It changes.",), (edit,), str(root)), **more)  # type: ignore[arg-type]  # only texts


async def apply(root: Path, after: bytes, confirm_within: float | None = None, **more: str) -> str:
    what = plan(root, after, **more)
    applied = await applying.apply(HOST, str(root), what, who="ada", confirm_within=confirm_within)
    assert applied.ok, applied.text
    return applied.entry_id


async def test_nothing_was_ever_changed(tmp_path: Path) -> None:
    assert await history.entries(HOST, str(tmp_path)) == []
    assert os.listdir(tmp_path) == []


async def test_the_last_first_and_no_more_than_asked_for(root: Path) -> None:
    ids = [await apply(root, b"a = %d\n" % number) for number in (2, 3, 4)]
    assert [entry.id for entry in await history.entries(HOST, str(root))] == ids[::-1]
    assert [entry.id for entry in await history.entries(HOST, str(root), 2)] == ids[:0:-1]
    assert ids == sorted(ids)


async def test_an_entry_is_fit_for_a_terminal(root: Path) -> None:
    id = await apply(root, b"a = 2\n", undoes="251122-000000-s000")
    entry = await history.entry(HOST, str(root), id)
    assert "\033" not in entry.changes[0].after
    assert (entry.words, entry.undoes) == (("It changes.",), "251122-000000-s000")
    assert entry.finished
    assert entry.undoable
    assert entry.until is None
    assert "-a = 1" in entry.diff
    assert "+a = 2" in entry.diff


@pytest.mark.parametrize("id", ["251122-000000-s000", "../../etc", "251122-000000-abcd"])
async def test_there_is_no_such_entry(root: Path, id: str) -> None:
    with pytest.raises(HostError, match=r"no such entry|No such file"):
        await history.entry(HOST, str(root), id)
    with pytest.raises(HostError, match=r"no such entry|No such file"):
        await history.confirm(HOST, str(root), id, who="ada")


async def test_what_an_undo_is_made_of(root: Path) -> None:
    id = await apply(root, b"a = 2\n")
    assert await history.material(HOST, str(root), id) == {str(root / "main.cf"): b"a = 1\n"}


async def test_it_waits_and_is_confirmed(root: Path) -> None:
    id = await apply(root, b"a = 2\n", confirm_within=60)
    waiting = await history.entry(HOST, str(root), id)
    assert waiting.awaiting
    assert not waiting.finished
    assert not waiting.undoable
    assert waiting.until is not None
    assert waiting.until > time.time()
    with pytest.raises(ReadOnly):
        await history.confirm(LocalHost(read_only=True), str(root), id, who="bob")
    kept = await history.confirm(HOST, str(root), id, who="bob")
    assert kept.outcome is Ending.APPLIED
    assert kept.undoable
    assert (root / "main.cf").read_bytes() == b"a = 2\n"
    assert sorted(os.listdir(root)) == ["main.cf", "mtatui"]


async def test_it_waits_and_is_taken_back(root: Path) -> None:
    id = await apply(root, b"a = 2\n", confirm_within=60)
    back = await applying.roll_back(HOST, str(root), id, who="bob")
    assert back.outcome is Ending.ROLLED_BACK
    assert "bob" in back.text
    assert (root / "main.cf").read_bytes() == b"a = 1\n"
    with pytest.raises(HostError, match="That is over: rolled back"):
        await applying.roll_back(HOST, str(root), id, who="bob")


async def test_what_was_interrupted_is_settled_once(root: Path) -> None:
    id = await apply(root, b"a = 2\n")
    home = root / "mtatui" / "settings" / id
    home.joinpath("outcome").write_text('{"phase": "touching"}')
    [settled] = await history.settle(HOST, str(root), who="bob")
    assert (settled.id, settled.outcome, settled.interrupted) == (id, Ending.ROLLED_BACK, True)
    assert (root / "main.cf").read_bytes() == b"a = 1\n"
    assert await history.settle(HOST, str(root), who="bob") == []


async def test_what_waits_too_long_is_taken_back_before_the_next_change(root: Path) -> None:
    """Its guard is gone, and nobody has settled it."""
    id = await apply(root, b"a = 2\n")
    (root / "mtatui" / "settings" / id / "outcome").write_text('{"phase": "awaiting", "until": 1.0}')
    what = plan(root, b"a = 3\n")
    applied = await applying.apply(HOST, str(root), what, who="bob")
    assert applied.outcome is Ending.CHANGED
    assert (root / "main.cf").read_bytes() == b"a = 1\n"
    late = await history.entry(HOST, str(root), id)
    assert late.outcome is Ending.ROLLED_BACK
    assert "not confirmed in time" in late.text


async def test_an_entry_of_another_version_does_not_hide_the_others(root: Path) -> None:
    id = await apply(root, b"a = 2\n")
    odd = root / "mtatui" / "settings" / "251122-000000-s000"
    odd.mkdir()
    odd.joinpath("entry.json").write_text('{"id": "251122-000000-s000", "at": 1.0}')
    odd.joinpath("outcome").write_text('{"outcome": "applied"}')
    assert [entry.id for entry in await history.entries(HOST, str(root))] == [id]


def entry(outcome: Ending | None, before: str | None, after: str | None, path: str = "main.cf") -> Entry:
    return Entry(
        "id", 0.0, "ada", "mx", (), (), (), (), (FileChange(path, before, after),), outcome=outcome
    )  # fmt: skip


def test_what_we_left_behind() -> None:
    entries = [
        entry(Ending.REFUSED, "c", "d"),
        entry(Ending.ROLLED_BACK, "b", "c"),
        entry(Ending.APPLIED, "a", "b"),
        entry(Ending.APPLIED, "x", None, "table"),
        entry(None, "y", "z", "unknown"),
    ]
    assert history.left_by_us(entries) == {"main.cf": "b", "table": None}


async def test_the_last_change_that_still_stands(root: Path) -> None:
    first = await apply(root, b"a = 2\n")
    second = await apply(root, b"a = 3\n")

    async def last() -> str:
        entry = history.last_undoable(await history.entries(HOST, str(root)))
        return entry.id if entry else ""

    assert await last() == second
    await apply(root, b"a = 2\n", undoes=second)
    assert await last() == first
    await apply(root, b"a = 1\n", undoes=first)
    assert await last() == ""

"""The room of the history: entries that count only when they are whole, outcomes in one block, one lock."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.transaction import room
from mtatui.backends.transaction.room import BLOCK, Entry, Lock, Room


@pytest.fixture
def place(tmp_path: Path) -> Room:
    place = Room(str(tmp_path))
    place.open()
    return place


def entry(place: Room, at: float = 1.0, **state: Any) -> Entry:
    entry = place.new({"at": at, "files": [], "who": "ada"})
    entry.begin()
    if state:
        entry.note(**state)
    return entry


def test_it_is_for_nobody_else(tmp_path: Path) -> None:
    Room(str(tmp_path)).open()
    home = tmp_path / "mtatui" / "settings"
    assert home.stat().st_mode & 0o777 == 0o700
    home.chmod(0o750)
    with pytest.raises(OSError, match="only its owner"):
        Room(str(tmp_path)).open()


def test_a_link_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "mtatui").symlink_to("elsewhere")
    with pytest.raises(OSError, match="only its owner"):
        Room(str(tmp_path)).open()


def test_an_entry_counts_when_it_is_written_down(place: Room) -> None:
    begun = place.new({"at": 1.0, "files": []})
    assert place.entries() == []
    begun.begin()
    assert [e.id for e in place.entries()] == [begun.id]
    assert begun.state() == {"phase": room.BEGUN}
    assert not begun.ended
    begun.note(outcome="applied", text="fine")
    assert begun.ended
    assert {p.stat().st_mode & 0o777 for p in Path(begun.path).iterdir()} == {0o600}


def test_ids_sort_and_are_never_the_journals(place: Room) -> None:
    ids = [entry(place, at).id for at in (1.0, 2.0, 3.0)]
    assert len(set(ids)) == 3
    for id in ids:
        day, clock, last = id.split("-")
        assert (len(day), len(clock), len(last)) == (6, 6, 4)
        assert last[0] == "s"  # the journal's is four hexadecimal digits


@pytest.mark.parametrize("id", ["../lock", "lock", "", "260101-000000-abcd", "/etc", "260101-000000-s000"])
def test_there_is_no_such_entry(place: Room, id: str) -> None:
    with pytest.raises(OSError, match=r"no such entry|No such file"):
        place.entry(id)


@pytest.mark.parametrize("data", [b"", b"{", b" " * BLOCK, b'"applied"', b"\xff\x00"])
def test_an_outcome_that_cannot_be_read_is_the_worst(place: Room, data: bytes) -> None:
    torn = entry(place, outcome="applied", text="")
    Path(torn.file("outcome")).write_bytes(data)
    assert torn.state() == {"phase": room.TOUCHING}
    assert not torn.ended


@given(text=st.text(max_size=9000), outcome=st.sampled_from(["applied", "rolled back"]))
def test_an_outcome_always_fits_its_block(text: str, outcome: str) -> None:
    data = room._block({"outcome": outcome, "text": text, "at": 1.5})
    assert len(data) == BLOCK
    found = json.loads(data)
    assert found["outcome"] == outcome
    assert text.startswith(found["text"].removesuffix(" …"))


def test_rubbish_is_no_entry_and_goes(place: Room) -> None:
    whole = entry(place)
    rubbish = Path(place.path, "260101-000000-s123")
    rubbish.mkdir()
    (rubbish / "before-0").write_bytes(b"secret")
    renamed = Path(place.path, "260101-000000-s124")
    renamed.mkdir()
    (renamed / "entry.json").write_text(Path(whole.file("entry.json")).read_text())
    place.sweep()
    assert sorted(os.listdir(place.path)) == [whole.id]


def test_only_so_much_is_kept_and_never_what_is_unfinished(
    place: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "KEEP", 3)
    unfinished = entry(place, 0.0)
    done = [entry(place, float(at), outcome="applied", text="") for at in range(1, 8)]
    place.sweep()
    assert [e.id for e in place.entries()] == [unfinished.id, *(e.id for e in done[-2:])]
    monkeypatch.setattr(room, "KEEP_BYTES", 1)
    place.sweep()
    assert [e.id for e in place.entries()] == [unfinished.id, done[-1].id]


def test_the_lock_tells_who_has_it_and_goes_with_its_holder(place: Room) -> None:
    first, second = Lock(place), Lock(place)
    assert first.take("ada, since noon") == ""
    assert second.take("bob") == "ada, since noon"
    first.leave()
    assert second.take("bob") == ""
    second.leave()


def test_no_history_is_an_empty_one(tmp_path: Path) -> None:
    assert Room(str(tmp_path)).entries() == []

"""The journal's file and the lock beside it, as the hands keep them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import make_spool
from mtatui.backends.postfix.spool import ledger
from mtatui.backends.postfix.spool.hands import Hands


@pytest.fixture
def room(tmp_path: Path) -> str:
    spool = tmp_path / "q"
    make_spool(spool)
    Hands(str(spool), "deferred, defer", 1).open_room()
    return str(spool)


def test_notes_come_back_in_order_and_in_bounds(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LIMIT", 200)
    for number in range(30):
        ledger.note(room, f"line {number:02} " + "x" * 20)
    lines = ledger.notes(room, 10_000)
    assert lines[-1].startswith("line 29")
    assert [int(line[5:7]) for line in lines] == list(range(30 - len(lines), 30))
    assert len(lines) > 6
    assert ledger.notes(room, 70) == lines[-2:]
    assert os.stat(room + "/" + ledger.PATH).st_size <= 200
    assert os.stat(room + "/" + ledger.PATH).st_mode & 0o777 == 0o600


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(room: str) -> None:
    ledger.note(room, "whole")
    with open(room + "/" + ledger.PATH, "ab") as file:
        file.write(b"half a li")
    ledger.note(room, "two\nlines")
    assert ledger.notes(room, 1000) == ["whole", "half a li", "two lines"]


def test_on_a_full_disk_the_old_journal_makes_room_or_nothing_is_written(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.note(room, "one")
    real = os.write

    def full(fd: int, data: Any) -> int:
        if os.path.exists(room + "/" + ledger.PATH + ".1"):
            real(fd, bytes(data)[:3])
            raise OSError(errno.ENOSPC, "full")
        return real(fd, data)

    Path(room + "/" + ledger.PATH + ".1").write_text("older\n")
    monkeypatch.setattr(os, "write", full)
    ledger.note(room, "two")
    assert ledger.notes(room, 1000) == ["one", "two"]

    def always_full(fd: int, data: Any) -> int:
        real(fd, bytes(data)[:3])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", always_full)
    with pytest.raises(OSError, match="full"):
        ledger.note(room, "three")
    assert ledger.notes(room, 1000) == ["one", "two"]


def test_the_lock_is_one_holders_and_told(room: str) -> None:
    mine, other = ledger.Lock(room), ledger.Lock(room)
    assert not ledger.busy(room)
    assert mine.take("alice (delete)") == ""
    assert other.take("bob") == "alice (delete)"
    assert ledger.busy(room)
    mine.leave()
    assert other.take("bob") == ""
    other.leave()
    assert not ledger.busy(room)

"""The spool reader's deltas: what a person at the screen must hear of, on a spool that changes under it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import Draft, To, make_spool, write
from mtatui.backends.postfix.spool import place, scan, workers
from mtatui.backends.postfix.spool.scan import Spool
from mtatui.queue.delta import Counts, Delta, Done, Gone, Moved, Problem, Rows, parse
from mtatui.queue.message import Row, State

HASHED = place.queue_names("deferred, defer")


class Watch:
    """A spool, its reader, and what the reader said last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.deltas: list[Delta] = []
        self.spool = Spool(HASHED, 1, self._hear)
        self.on_line: Callable[[Delta], None] = lambda delta: None

    def _hear(self, data: bytes) -> None:
        for line in filter(None, data.split(b"\n")):
            self.deltas.append(parse(line))
            self.on_line(self.deltas[-1])

    def scan(self, thorough: bool = False) -> list[Delta]:
        self.deltas = []
        self.spool.scan(thorough)
        assert isinstance(self.deltas[-1], Done)
        return self.deltas

    def add(self, state: str = "deferred", reason: str = "", arrival: float = 1_700_000_000.25) -> str:
        return write(
            self.root, Draft([To("bob@example.net", reason)], "ann@example.org", state=state, arrival=arrival)
        )

    def path(self, state: str, id: str) -> Path:
        return Path(place.path(str(self.root), state, id, HASHED, 1))

    def move(self, id: str, old: str, new: str) -> None:
        self.path(new, id).parent.mkdir(exist_ok=True)
        self.path(old, id).rename(self.path(new, id))

    @property
    def rows(self) -> dict[str, Row]:
        return {row[0]: row for delta in self.deltas if isinstance(delta, Rows) for row in delta.rows}

    @property
    def moved(self) -> dict[str, State]:
        return {id: delta.state for delta in self.deltas if isinstance(delta, Moved) for id in delta.ids}

    @property
    def gone(self) -> list[str]:
        return [id for delta in self.deltas if isinstance(delta, Gone) for id in delta.ids]

    @property
    def problems(self) -> list[Problem]:
        return [delta for delta in self.deltas if isinstance(delta, Problem)]

    @property
    def counts(self) -> dict[str, int]:
        done = self.deltas[-1]
        assert isinstance(done, Done)
        return {state.value: number for state, number in done.counts.items() if number}


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    make_spool(tmp_path)
    (tmp_path / "mtatui" / "trash").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return Watch(tmp_path)


def test_the_first_scan_tells_counts_then_every_message(watch: Watch) -> None:
    ids = {
        watch.add(state): state for state in ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
    }
    thrown = watch.add("hold")
    watch.path("hold", thrown).rename(watch.root / "mtatui/trash" / f"{thrown}.2")
    ids[f"{thrown}.2"] = "trash"
    deltas = watch.scan()
    assert isinstance(deltas[0], Counts)
    assert {id: row[1] for id, row in watch.rows.items()} == ids
    assert watch.counts == dict.fromkeys(ids.values(), 1)
    assert watch.problems == []


def test_nothing_changed_nothing_said(watch: Watch) -> None:
    watch.add("deferred")
    watch.add("hold")
    watch.scan()
    assert len(watch.scan()) == 1
    assert len(watch.scan(thorough=True)) == 1
    assert watch.counts == {"deferred": 1, "hold": 1}


def test_what_is_new_has_moved_or_is_gone(watch: Watch) -> None:
    stays, moves, goes = watch.add("incoming"), watch.add("incoming"), watch.add("deferred")
    watch.scan()
    new = watch.add("hold")
    watch.move(moves, "incoming", "active")
    watch.path("deferred", goes).unlink()
    watch.scan()
    assert (set(watch.rows), watch.moved, watch.gone) == ({new}, {moves: State.ACTIVE}, [goes])
    assert watch.counts == {"incoming": 1, "active": 1, "hold": 1}
    watch.move(moves, "active", "hold")
    watch.scan()
    assert (watch.rows, watch.moved, watch.gone) == ({}, {moves: State.HOLD}, [])
    assert stays in os.listdir("incoming")


def test_a_message_that_comes_back_deferred_is_read_again_with_its_reason(watch: Watch) -> None:
    id = watch.add("active")
    watch.scan()
    offset = watch.path("active", id).read_bytes().index(b"R\x0fbob@example.net")
    log = watch.path("defer", id)
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"\nrecipient=bob@example.net\noffset={offset}\nstatus=4.4.1\nreason=no route\n\n")
    watch.move(id, "active", "deferred")
    watch.scan()
    assert watch.rows[id][1] == "deferred"
    assert watch.rows[id][-1] == [["bob@example.net", "no route", "4.4.1", 0, ""]]


def test_a_retry_between_two_scans_is_seen_though_the_name_is_the_same(watch: Watch) -> None:
    id = watch.add("deferred")
    watch.scan()
    watch.move(id, "deferred", "active")
    watch.move(id, "active", "deferred")
    later = time.time() + 600
    os.utime(watch.path("deferred", id), (later, later))
    watch.scan()
    assert watch.rows[id][4] == int(later)


def test_what_changes_in_place_is_found_by_a_thorough_scan(watch: Watch) -> None:
    id = watch.add("hold")
    settled = time.time() - 10
    os.utime("hold", (settled, settled))
    watch.scan()
    os.utime(watch.path("hold", id), (settled, settled))
    watch.scan()
    assert watch.rows == {}
    watch.scan(thorough=True)
    assert watch.rows[id][4] == int(settled)
    watch.scan(thorough=True)
    assert watch.rows == {}


def test_an_unfinished_file_is_no_message_until_it_is_finished(watch: Watch) -> None:
    id = watch.add("incoming")
    watch.path("incoming", id).chmod(0o600)
    watch.scan()
    assert (watch.rows, watch.counts) == ({}, {})
    watch.path("incoming", id).chmod(0o700)
    watch.scan()
    assert (set(watch.rows), watch.counts) == ({id}, {"incoming": 1})


def test_a_file_that_vanishes_while_we_look_is_no_problem(watch: Watch) -> None:
    goes, moves = watch.add("active"), watch.add("active")

    def meanwhile(delta: Delta) -> None:
        if isinstance(delta, Counts) and watch.path("active", goes).exists():
            watch.path("active", goes).unlink()
            watch.move(moves, "active", "deferred")

    watch.on_line = meanwhile
    watch.scan()
    assert watch.problems == []
    assert goes not in watch.rows
    watch.scan()
    assert watch.counts == {"deferred": 1}
    assert watch.moved.keys() | watch.rows.keys() <= {moves}


def test_a_file_that_moves_behind_our_back_is_not_gone(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """qmgr takes it from deferred to active after we have listed active and before we list deferred."""
    id = watch.add("deferred")
    watch.scan()
    listdir = os.listdir

    def slowly(path: str) -> list[str]:
        if path.startswith("deferred/") and watch.path("deferred", id).exists():
            watch.move(id, "deferred", "active")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", slowly)
    watch.scan()
    assert (watch.gone, watch.rows[id][1]) == ([], "active")
    watch.scan()
    assert (watch.gone, watch.counts) == ([], {"active": 1})


def test_a_message_in_two_places_is_followed_to_the_one_that_remains(watch: Watch) -> None:
    id = watch.add("deferred")
    watch.scan()
    os.link(watch.path("deferred", id), watch.path("hold", id))
    watch.scan()
    assert (watch.gone, set(watch.rows)) == ([], {id})
    watch.path("hold", id).unlink()
    watch.scan()
    assert (watch.gone, watch.rows[id][1]) == ([], "deferred")


def test_the_trash_and_back(watch: Watch) -> None:
    id = watch.add("deferred")
    trash = watch.root / "mtatui/trash" / id
    watch.scan()
    os.link(watch.path("deferred", id), trash)
    watch.scan()
    states = [row[1] for row in watch.rows.values()]
    assert "trash" not in states, "as long as it is in the queue, it is not trash"
    assert watch.counts == {"deferred": 1}
    watch.path("deferred", id).unlink()
    watch.scan()
    assert (watch.gone, watch.rows[id][1], watch.counts) == ([], "trash", {"trash": 1})
    assert abs(watch.rows[id][4] - time.time()) < 60, "the time is that of the deletion"
    os.link(trash, watch.path("hold", id))
    trash.unlink()
    watch.scan()
    assert (watch.gone, watch.rows[id][1], watch.counts) == ([], "hold", {"hold": 1})


def test_broken_files_are_listed_and_said(watch: Watch) -> None:
    broken = watch.root / "hold" / "BR0KEN1"
    broken.write_bytes(b"\x1b[2J\xff garbage")
    broken.chmod(0o700)
    fine = watch.add("hold")
    watch.scan()
    assert set(watch.rows) == {"BR0KEN1", fine}
    assert [problem.path for problem in watch.problems] == ["hold/BR0KEN1"]
    assert watch.counts == {"hold": 2}


def test_that_what_is_corrupt_is_broken_is_no_news(watch: Watch) -> None:
    for number in range(200):
        (watch.root / "corrupt" / f"BR0KEN{number}").write_bytes(b"x")
    watch.scan()
    assert len(watch.rows) == 200
    assert watch.problems == []


def test_what_is_no_message_is_passed_over_and_never_waited_for(watch: Watch) -> None:
    hold = watch.root / "hold"
    os.mkfifo(hold / "F1F00000")
    (hold / "D1EC70B1").mkdir()
    (hold / "51A1B2C3").symlink_to("/dev/zero")
    (hold / "core.1234").write_text("x")
    (hold / "A.tmp").write_text("x")
    (hold / "abé12").write_text("x")
    for _ in range(2):
        watch.scan(thorough=True)
        assert (watch.rows, watch.counts, watch.problems) == ({}, {}, [])


def test_a_directory_that_cannot_be_read_is_a_problem_and_the_rest_goes_on(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, other = watch.add("hold"), watch.add("active")

    def refuse(call: Callable[[str], Any], path: str) -> Any:
        if path == "hold/":
            raise PermissionError(13, "Permission denied", path)
        return call(path)

    monkeypatch.setattr(os, "scandir", partial(refuse, os.scandir))
    monkeypatch.setattr(os, "listdir", partial(refuse, os.listdir))
    watch.scan()
    assert set(watch.rows) == {other}
    assert [(problem.path, problem.text) for problem in watch.problems] == [("hold/", "Permission denied")]
    monkeypatch.undo()
    monkeypatch.chdir(watch.root)
    watch.scan()
    assert set(watch.rows) == {held}


def test_problems_do_not_come_without_end(watch: Watch) -> None:
    for number in range(200):
        broken = watch.root / "hold" / f"BR0KEN{number}"
        broken.write_bytes(b"x")
        broken.chmod(0o700)
    watch.scan()
    assert len(watch.rows) == 200
    assert 10 < len(watch.problems) < 60
    assert "more files" in watch.problems[-1].text


def test_deep_folders_appear_and_disappear(watch: Watch) -> None:
    first = watch.add("deferred", arrival=1_700_000_000.0)
    watch.scan()
    second = watch.add("deferred", arrival=1_700_000_000.9)
    assert watch.path("deferred", first).parent != watch.path("deferred", second).parent
    watch.scan()
    assert set(watch.rows) == {second}
    watch.path("deferred", first).unlink()
    watch.path("deferred", first).parent.rmdir()
    watch.scan()
    assert (watch.gone, watch.counts) == ([first], {"deferred": 1})


def test_a_spool_without_directories_is_an_empty_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    watch = Watch(tmp_path)
    for _ in range(2):
        watch.scan()
        assert (watch.counts, watch.problems) == ({}, [])


def test_a_bounced_recipient_has_its_reason(watch: Watch) -> None:
    id = write(
        watch.root, Draft([To("a@x", done=True), To("b@x")], "s@x", state="hold", arrival=1_700_000_000.0)
    )
    (watch.root / "bounce" / id).write_text("\nrecipient=a@x\nstatus=5.1.1\nreason=no such user\n\n")
    watch.scan()
    assert watch.rows[id][-1] == [["a@x", "no such user", "5.1.1", 1, ""], ["b@x", "", "", 0, ""]]


@pytest.mark.parametrize("alone", [0, 10_000], ids=["side by side", "alone"])
def test_many_files_are_read_in_waves_and_each_is_told_once(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, alone: int
) -> None:
    monkeypatch.setattr(workers, "ALONE", alone)
    monkeypatch.setattr(workers, "BATCH", 16)
    monkeypatch.setattr(scan, "_WAVES", (10, 100))
    monkeypatch.setattr(scan, "FIRST_ROWS", 20)
    ids = [watch.add(state, arrival=1.7e9 + n / 999) for n in range(150) for state in ("deferred", "hold")]
    out = os.open(watch.root / "out", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    # What workers write does not reach our memory, but a file.
    watch.spool = Spool(HASHED, 1, lambda data: [os.write(out, data)].clear())
    for thorough in (False, False, True):
        watch.spool.scan(thorough)
    deltas = [parse(line) for line in os.pread(out, 10**7, 0).splitlines()]
    os.close(out)
    told = [row[0] for delta in deltas if isinstance(delta, Rows) for row in delta.rows]
    assert sorted(told) == sorted(ids)
    assert [d for d in deltas if isinstance(d, Counts)][-1].counts[State.HOLD] == 150
    assert [d.counts[State.HOLD] for d in deltas if isinstance(d, Done)] == [150] * 3


def test_a_worker_that_dies_is_not_taken_for_a_complete_scan(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "ALONE", 0)
    monkeypatch.setattr(scan, "FIRST_ROWS", 0)
    watch.add("hold")
    me = os.getpid()

    def fail(data: bytes) -> None:
        if os.getpid() != me:
            raise ValueError("out of luck")

    watch.spool = Spool(HASHED, 1, fail)
    with pytest.raises(RuntimeError, match="status"):
        watch.spool.scan()
    assert "out of luck" in capfd.readouterr().err

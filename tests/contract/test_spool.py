"""The decoding of queue files, against what real Postfix listed for the very same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtatui.backends.postfix.spool import place, record
from mtatui.queue.message import Row
from tests.contract.listing import of_postqueue, of_rows
from tests.contract.recording import Names, Recording, unpack_spool

HASHED, DEPTH = place.queue_names("deferred, defer"), 1


def read(queue: Path, path: Path) -> Row:
    """The row of one file, with the logs that belong to it."""
    state = path.relative_to(queue).parts[0]
    assert place.path(str(queue), state, path.name, HASHED, DEPTH) == str(path), "where Postfix put it"
    logs = tuple(place.path(str(queue), log, path.name, HASHED, DEPTH) for log in ("defer", "bounce"))
    return record.read_row(str(path), path.name, state, logs=logs)


@pytest.fixture
def queue(version: str, tmp_path: Path) -> Path:
    return unpack_spool(version, tmp_path)


def test_every_message_reads_as_postqueue_lists_it(queue: Path, recordings: dict[str, Recording]) -> None:
    paths = [
        p for s in ("maildrop", "incoming", "active", "deferred", "hold") for p in (queue / s).rglob("*z*")
    ]
    listed = of_postqueue(recordings["list"].stdout)
    assert of_rows([read(queue, path) for path in paths]) == listed
    assert len(listed) > 40, "a recording worth the name"


def test_the_origin_is_read(queue: Path, names: Names) -> None:
    [path] = (queue / "deferred").rglob(names["plain"])
    row = read(queue, path)
    assert row[6:10] == ["2001:db8::66", "evil.example", "[10.0.0.1]", "joe@sender.test"]


def test_the_next_retry_is_in_the_future(queue: Path, names: Names) -> None:
    [path] = (queue / "deferred").rglob(names["plain"])
    _id, _state, arrival, _size, mtime, *_ = read(queue, path)
    assert arrival < mtime <= arrival + 1800


def test_a_broken_file_says_so(queue: Path, names: Names) -> None:
    with pytest.raises(record.Damaged):
        read(queue, queue / "corrupt" / names["corrupt"])

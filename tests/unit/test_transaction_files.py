"""Files are replaced and put back whole, from wherever it was interrupted, by link or by copy."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.transaction import files
from mtatui.backends.transaction.room import Entry, Room, write

Begin = Callable[[Path, bytes | None], tuple[Entry, dict[str, Any]]]


def begin(root: Path, path: Path, after: bytes | None) -> tuple[Entry, dict[str, Any]]:
    """An entry about one file, written down, with the file's old bytes kept."""
    (root / "queue").mkdir(exist_ok=True)
    room = Room(str(root / "queue"))
    room.open()
    before = files.read(str(path))
    file = files.described(0, {"path": str(path), "mode": 0o640, "owner": ""}, before, after)
    entry = room.new({"at": 1.0, "files": [file]})
    if before is not None:
        write(entry.file(file["kept"]), before)
    entry.begin()
    return entry, file


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


CONTENTS = st.none() | st.binary(max_size=40)


@given(before=CONTENTS, after=CONTENTS, far=st.integers(0, 2), linked=st.booleans(), twice=st.booleans())
def test_back_from_anywhere(
    before: bytes | None, after: bytes | None, far: int, linked: bool, twice: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "etc" / "new" / "table" if before is None else root / "etc" / "main.cf"
        (root / "etc").mkdir()
        if before is not None:
            path.write_bytes(before)
        entry, file = begin(root, path, after)
        if before is None and after is None:
            return
        if far > 0:
            files.prepare(entry.id, file, after)
            if not linked:  # a file system without hard links
                for old in path.parent.glob(".*.old"):
                    old.unlink()
            assert content(path) == before
        if far > 1:
            files.replace(entry.id, file)
            assert content(path) == after
        for _ in range(1 + twice):
            files.restore(entry, file)
            assert content(path) == before
        assert [str(p) for p in (root / "etc").rglob("*") if p != path] == []


def test_what_comes_back_is_the_very_file(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    path.chmod(0o604)
    info = path.stat()
    entry, file = begin(tmp_path, path, b"new\n")
    files.prepare(entry.id, file, b"new\n")
    files.replace(entry.id, file)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o604, b"new\n")
    assert path.stat().st_ino != info.st_ino
    files.restore(entry, file)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (info.st_ino, info.st_mtime_ns)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_the_new_file_is_ripe_when_it_gets_its_name(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    files.prepare(entry.id, file, b"new\n")
    files.replace(entry.id, file)
    info = path.stat()
    assert info.st_ctime - info.st_mtime >= files.RIPE - 0.01


def test_an_old_file_that_somebody_wrote_to_comes_back_from_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    files.prepare(entry.id, file, b"new\n")
    with path.open("ab") as held:  # an editor has it open
        files.replace(entry.id, file)
        held.write(b"too late\n")
    files.restore(entry, file)
    assert path.read_bytes() == b"old\n"


def test_a_damaged_copy_is_not_put_back(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    path.write_bytes(b"new\n")
    Path(entry.file("before-0")).write_bytes(b"oops")
    with pytest.raises(OSError, match="damaged"):
        files.restore(entry, file)
    assert path.read_bytes() == b"new\n"


def test_what_somebody_else_wrote_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    files.prepare(entry.id, file, b"new\n")
    files.replace(entry.id, file)
    path.write_bytes(b"theirs\n")
    kept = files.restore(entry, file)
    assert Path(kept).read_bytes() == b"theirs\n"
    assert path.read_bytes() == b"old\n"


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    files.prepare(entry.id, file, b"new\n")
    files.replace(entry.id, file)
    files.restore(entry, file)
    assert path.read_bytes() == b"old\n"


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EXDEV, "a mount of its own"), (errno.EPERM, "immutable")]
)
def test_what_cannot_be_replaced_is_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "main.cf"
    path.write_bytes(b"old\n")
    entry, file = begin(tmp_path, path, b"new\n")
    with pytest.raises(OSError, match=words):
        files.prepare(entry.id, file, b"new\n")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert files.read(str(tmp_path / "none")) is None
    with pytest.raises(OSError, match="not a regular file"):
        files.read(str(tmp_path))


def test_what_is_known_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(b"x")
    info = path.stat()
    outside = [info.st_ino, info.st_mtime_ns, info.st_size]
    assert files.same(str(path), b"x", files.digest(b"x"))
    assert not files.same(str(path), b"x", files.digest(b"y"))
    assert files.same(str(path), b"x", outside)
    assert not files.same(str(path), b"x", [*outside[:2], 2])
    assert files.same(str(path), None, None)
    assert not files.same(str(path), b"x", None)
    assert not files.same(str(path), None, files.digest(b""))

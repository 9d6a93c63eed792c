"""Signatures on the real freshclam and clamd: looked at, fetched from moody mirrors, tried, put in place."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from mtatui.backends.filters.databases import Databases
from mtatui.settings.kinds import Refused
from tests.stack.machine import Machine

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

BAD = b"an awful word"
MINE = f"Mine:0:*:{BAD.hex()}\n".encode()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        conf = machine.path("/etc/clamav/freshclam.conf")
        lines = [
            line for line in conf.read_text().splitlines() if not line.startswith(("DatabaseMirror", "MaxA"))
        ]
        conf.write_text("\n".join([*lines, f"DatabaseMirror {machine.mirror.url}", "MaxAttempts 1", ""]))
        yield machine


@pytest.fixture
def databases(machine: Machine) -> Iterator[Databases]:
    yield Databases(machine.host)
    machine.mirror.manner = ""
    machine.path("/var/lib/clamav/freshclam.dat").unlink(missing_ok=True)


def finds(machine: Machine) -> bool:
    """Whether clamd knows the awful word."""
    machine.path("/tmp/awful").write_bytes(BAD)
    done = machine.run(["python3", "-c", _SCAN], input="/tmp/awful")  # clamdscan is in a package of its own
    return "Mine.UNOFFICIAL FOUND" in done.stdout


_SCAN = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("/var/run/clamav/clamd.ctl")
data = open(sys.stdin.read(), "rb").read()
s.sendall(b"zINSTREAM\\0" + len(data).to_bytes(4, "big") + data + bytes(4))
print(s.recv(4096).decode())
"""


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("403", "refuses (403: blocked, or not for everybody)"),
        ("429", "refuses (429: asked too often, or by too old a version)"),
        ("html", "answers with a web page, not with signatures"),
        ("nothing", "answers with nothing"),
        ("", "there is no http://127.0.0.1:8053/daily.cvd (404)"),
    ],
)
async def test_a_mirror_that_gives_nothing(
    machine: Machine, databases: Databases, manner: str, words: str
) -> None:
    machine.mirror.manner = manner
    heard: list[str] = []
    updated = await databases.update(heard.append)
    assert not updated.ok
    assert words in updated.text
    assert "The old ones stay." in updated.text
    assert any("update process started" in line for line in heard)
    assert updated.state.attempt is not None
    assert not updated.state.attempt.ok
    assert abs(updated.state.attempt.at - time.time()) < 120
    assert [one.name for one in updated.state.databases] == ["private.ndb"]


async def test_who_is_told_to_wait_does_not_ask_again(machine: Machine, databases: Databases) -> None:
    machine.mirror.manner = "429"
    first = await databases.update()
    assert first.state.cool_down > time.time() + 3000
    asked = len(machine.mirror.requests)
    with pytest.raises(Refused, match="left alone until"):
        await databases.update()
    assert len(machine.mirror.requests) == asked


async def test_an_update_can_be_stopped(machine: Machine, databases: Databases) -> None:
    machine.mirror.manner = "silent"
    stop = asyncio.Event()
    updating = asyncio.ensure_future(databases.update(lambda line: stop.set(), cancel=stop))
    updated = await asyncio.wait_for(updating, 30)
    assert not updated.ok
    assert updated.text == "Stopped; the old signatures are in place."


async def test_files_are_tried_and_clamd_sees_nothing_of_it(machine: Machine, databases: Databases) -> None:
    for name, data, ok, words in (
        ("good.ndb", MINE, True, "loads: 1 signature"),
        ("rule.yara", b'rule x { strings: $a = "abc" condition: $a }\n', True, "loads: 1 signature"),
        ("bad.ndb", b"nonsense\n", False, "Problem parsing database at line 1"),
        ("empty.ndb", b"", False, "Empty database file"),
        ("page.hdb", b"<!DOCTYPE html><html></html>\n", False, "is no database that clamd could load"),
        ("none.yara", b"// nothing\n", False, "has no signature in it"),
        ("allow.ign2", b"Eicar-Test\n", True, "allow.ign2 loads"),
        ("wild.ndb", f"Wild:0:*:{b'<html>'.hex()}\n".encode(), False, "in an ordinary message"),
    ):
        machine.path(f"/tmp/{name}").write_bytes(data)
        tested = await databases.test(f"/tmp/{name}")
        assert (tested.ok, words in tested.text) == (ok, True), tested
    missing = await databases.test("/tmp/none.ndb")
    assert "No such file" in missing.text
    assert not finds(machine)


def test_a_file_of_ones_own_from_the_command_line(machine: Machine) -> None:
    """Added, found by clamd, in the history, undone; a broken one is refused and clamd never sees it."""
    machine.path("/tmp/mine.ndb").write_bytes(MINE)
    machine.path("/tmp/broken.ndb").write_bytes(b"nonsense\n")
    refused = machine.mtatui("signatures", "add", "/tmp/broken.ndb", "--yes", code=3)
    assert "Malformed database" in refused.stderr
    assert not machine.path("/var/lib/clamav/broken.ndb").exists()
    machine.path("/tmp/wild.ndb").write_text(f"Wild:0:*:{b'<html>'.hex()}\n")
    wild = machine.mtatui("signatures", "add", "/tmp/wild.ndb", "--yes", code=3)
    assert "Wild.UNOFFICIAL FOUND" in wild.stderr
    taken = machine.mtatui("signatures", "add", "/tmp/main.ndb", "--yes", code=2)
    assert "No such file" in taken.stderr
    machine.mtatui("signatures", "add", "/tmp/mine.ndb", "--yes", code=0)
    there = machine.path("/var/lib/clamav/mine.ndb").stat()
    assert (there.st_uid, there.st_mode & 0o777) == (
        machine.path("/var/lib/clamav").stat().st_uid,
        0o644,
    )
    machine.wait_until(lambda: finds(machine), "clamd knows the word")
    shown = json.loads(machine.mtatui("signatures", "--json", code=1).stdout)
    assert {one["name"]: (one["count"], one["own"]) for one in shown["databases"]} == {
        "mine.ndb": (1, True),
        "private.ndb": (1, True),
    }
    machine.mtatui("history", "undo", "1", "--yes", code=0)
    assert not machine.path("/var/lib/clamav/mine.ndb").exists()
    machine.wait_until(lambda: not finds(machine), "clamd has forgotten it")
    assert "is not among them" in machine.mtatui("signatures", "remove", "mine.ndb", "--yes", code=2).stderr
    assert "a URL" in machine.mtatui("signatures", "add", "http://a b/x.ndb", "--yes", code=3).stderr


async def test_from_a_url_by_freshclam_and_a_broken_one_keeps_the_old(
    machine: Machine, databases: Databases
) -> None:
    conf = machine.path("/etc/clamav/freshclam.conf")
    before = conf.read_text()
    own = "".join(f"ExcludeDatabase {name}\n" for name in ("main", "daily", "bytecode"))
    conf.write_text(f"{before}DatabaseCustomURL {machine.mirror.url}/mine.ndb\n{own}")
    machine.mirror.files["mine.ndb"] = MINE
    updated = await databases.update()
    assert updated.ok, updated
    assert "mine.ndb" in updated.text
    machine.wait_until(lambda: finds(machine), "clamd knows the word")
    machine.mirror.files["mine.ndb"] = b"Broken\n"
    broken = await databases.update()
    assert not broken.ok
    assert "Malformed database" in broken.text
    machine.mirror.manner = "429"
    refused = await databases.update()
    assert not refused.ok, "freshclam itself calls that success"
    assert f"{machine.mirror.url}/mine.ndb: asked too often (429)" in refused.text
    assert refused.state.cool_down > time.time() + 3000
    assert machine.path("/var/lib/clamav/mine.ndb").read_bytes() == MINE
    assert finds(machine)
    conf.write_text(before)


def test_a_large_file_is_read_only_when_it_is_wanted(machine: Machine) -> None:
    """It goes and comes back byte for byte, and nobody waits for it while settings are read."""
    large = "".join(f"Large-{n}:0:*:{n:040x}\n" for n in range(20_000)).encode()
    machine.path("/tmp/large.ndb").write_bytes(large)
    there = machine.path("/var/lib/clamav/large.ndb")
    machine.mtatui("signatures", "add", "/tmp/large.ndb", "--yes", code=0)
    assert there.read_bytes() == large
    again = machine.mtatui("signatures", "add", "/tmp/large.ndb", "--yes", code=3)
    assert "mtatui signatures remove large.ndb comes first" in again.stderr
    machine.mtatui("signatures", "remove", "large.ndb", "--yes", code=0)
    assert not there.exists()
    machine.mtatui("history", "undo", "1", "--yes", code=0)
    assert there.read_bytes() == large
    machine.mtatui("signatures", "remove", "large.ndb", "--yes", code=0)


def test_a_file_larger_than_an_undo_keeps_is_refused(machine: Machine) -> None:
    machine.run(["truncate", "--size", "17M", "/tmp/huge.ndb"])
    refused = machine.mtatui("signatures", "add", "/tmp/huge.ndb", "--yes", code=3)
    assert "by hand, after mtatui signatures check" in refused.stderr
    assert not machine.path("/var/lib/clamav/huge.ndb").exists()


def test_clamd_that_does_not_take_the_signatures_keeps_the_old_ones_and_says_why(machine: Machine) -> None:
    """It answers all the while: what its log says is what counts."""
    rubbish = machine.path("/var/lib/clamav/zz-old.ndb")
    rubbish.write_text("somebody has put rubbish there\n")
    machine.path("/var/lib/clamav/mine.ndb").unlink(missing_ok=True)
    machine.path("/tmp/late.ndb").write_bytes(MINE)
    refused = machine.mtatui("signatures", "add", "/tmp/late.ndb", "--yes", code=5)
    assert "Database load failed: Malformed database" in refused.stderr
    assert not machine.path("/var/lib/clamav/late.ndb").exists()
    assert machine.answers("clamav-daemon")
    shown = machine.mtatui("signatures", code=1)
    assert "will not start with these" in shown.stderr
    rubbish.unlink()
    machine.mtatui("signatures", "add", "/tmp/late.ndb", "--yes", code=0)
    assert finds(machine)  # at once: it has said that it has loaded them
    machine.mtatui("signatures", "remove", "late.ndb", "--yes", code=0)
    assert not finds(machine)

"""The demo as a host: it is there at once, plays a Postfix, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtatui.backends import host_demo
from mtatui.backends.host import HostError, ReadOnly
from mtatui.backends.host_demo import DemoHost
from mtatui.backends.postfix.tools import Tools


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where demos are made during a test: in memory, as they are in life."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as path:
        monkeypatch.setenv("XDG_RUNTIME_DIR", path)
        yield Path(path)


@pytest.fixture
def demo(base: Path) -> Iterator[DemoHost]:
    host = DemoHost()
    yield host
    host.close()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


async def test_it_plays_a_postfix(demo: DemoHost) -> None:
    tools = Tools(demo)
    assert await tools.version() == (3, 7, 11)
    assert await tools.status()
    listed = (await demo.run(["postqueue", "-j"])).stdout
    entries = [json.loads(line) for line in listed.split(b"\n") if line]
    assert len(entries) > 1900
    [held, *_] = [entry["queue_id"] for entry in entries if entry["queue_name"] == "hold"]
    done = await demo.run(["postsuper", "-d", "-"], changes=True, input=f"{held}\n".encode())
    assert done.errors.splitlines() == [f"postsuper: {held}: removed", "postsuper: Deleted: 1 message"]
    body, more = await tools.cat(entries[-1]["queue_id"], "raw", 1 << 20)
    assert b"Subject: " in body
    assert not more


async def test_the_log_shows_what_was_asked_not_how_it_is_played(demo: DemoHost) -> None:
    await demo.run(["postconf", "-h", "mail_version"])
    assert str(demo.log.entries[-1]) == "postconf -h mail_version"


async def test_other_commands_are_the_machines_own(demo: DemoHost) -> None:
    assert (await demo.run(["echo", "hello"])).stdout == b"hello\n"
    assert demo.can("postsuper")
    assert demo.can("echo")
    assert not demo.can("no-such-command")


async def test_read_only_holds_here_too(base: Path) -> None:
    host = DemoHost(read_only=True)
    with pytest.raises(ReadOnly):
        await host.run(["postsuper", "-d", "ALL"], changes=True)
    host.close()


def test_it_is_private_and_gone_when_closed(base: Path) -> None:
    host = DemoHost()
    host.command(["postconf"])
    assert os.stat(host.home).st_mode & 0o777 == 0o700
    host.close()
    assert list(base.iterdir()) == []


def test_it_is_gone_when_its_parent_is_killed(base: Path) -> None:
    program = (
        "import sys\nfrom mtatui.backends.host_demo import DemoHost\n"
        "host = DemoHost()\nhost.command(['postconf'])\nprint(host.home, flush=True)\nsys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(host_demo.__file__).parents[2],
    )
    assert parent.stdout is not None
    home = parent.stdout.readline().decode().strip()
    assert os.path.isdir(f"{home}/spool/deferred")
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait(lambda: not os.path.exists(home))


def test_what_a_killed_daemon_left_is_removed_by_the_next(base: Path) -> None:
    first, second = DemoHost(), DemoHost()
    for host in (first, second):
        host.command(["postconf"])
    first._life.kill()
    first._life.wait()
    third = DemoHost()
    assert not os.path.exists(first.home)
    assert os.path.exists(second.home), "that one lives"
    for host in (first, second, third):
        host.close()


def test_a_stranger_with_our_name_is_left_alone(base: Path) -> None:
    fresh = base / f"mtatui-demo-{os.geteuid()}-fresh"
    fresh.mkdir()
    link = base / f"mtatui-demo-{os.geteuid()}-link"
    link.symlink_to("/etc")
    DemoHost().close()
    assert fresh.exists(), "it may just be about to be born"
    assert link.is_symlink()


def test_no_room_is_said_in_words(base: Path) -> None:
    host = DemoHost()
    host._life.kill()
    host._life.wait()
    try:
        with pytest.raises(HostError, match="could not make its queue"):
            host.command(["postconf"])
    finally:
        host.close()

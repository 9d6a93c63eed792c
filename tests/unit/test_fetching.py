"""The program that has freshclam run: it tells each line, and ends with whoever asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtatui.backends.filters.databases import update_argv

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts the program with a freshclam that is this script."""

    def start(script: str, patience: float = 20.0) -> subprocess.Popen[bytes]:
        if script:
            played = tmp_path / "freshclam"
            played.write_text(f"#!/bin/sh\n{script}\n")
            played.chmod(0o755)
        way = f"{tmp_path}:/usr/bin:/bin" if script else str(tmp_path)
        child = subprocess.Popen(
            update_argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PATH": way}, cwd="/",
        )  # fmt: skip
        request = {"config": "/etc/x.conf", "log": f"{tmp_path}/log", "patience": patience}
        assert child.stdin is not None
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        return child

    return start


def told(child: subprocess.Popen[bytes]) -> list[tuple[str, object]]:
    assert child.stderr is not None
    lines = child.stderr.read().decode().splitlines()
    child.wait(10)
    return [tuple(json.loads(line)) for line in lines]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_each_line_and_the_exit_status(start: Start, tmp_path: Path) -> None:
    child = start("echo \"$@\"; printf '10%%\\r100%%\\r\\n\\n'; echo ill >&2; exit 8")
    assert told(child) == [
        ("said", f"--config-file=/etc/x.conf --stdout --log={tmp_path}/log"),
        ("said", "10%"),
        ("said", "100%"),
        ("said", "ill"),
        ("ended", 8),
    ]


def test_who_leaves_leaves_nothing_behind(start: Start) -> None:
    """Not even one that will not listen, nor those whom it has started."""
    child = start("trap '' TERM; sleep 60 & echo $! $$; while :; do sleep 1; done")
    assert child.stderr is not None
    assert child.stdin is not None
    pids = json.loads(child.stderr.readline())[1].split()
    child.stdin.close()
    child.wait(10)
    until = time.monotonic() + 5
    while not all(gone(int(pid)) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if not gone(int(pid))] == []
    assert json.loads(child.stderr.read()) == ["ended", None]


def test_one_that_never_ends_is_stopped(start: Start) -> None:
    assert told(start("echo begun; exec sleep 60", patience=0.5)) == [("said", "begun"), ("ended", None)]


def test_it_is_not_there(start: Start) -> None:
    assert told(start("")) == [("failed", "freshclam could not be started: No such file or directory")]


def test_it_is_the_servers_own_python() -> None:
    assert update_argv()[:3] == [sys.executable, "-I", "-S"]

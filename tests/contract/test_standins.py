"""The demo's stand-ins for Postfix's commands, against the real ones: the same spool, the same words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mtatui.backends.demo
from mtatui.backends.demo import etc
from tests.contract.recording import Recording, unpack_spool

PROGRAM = Path(mtatui.backends.demo.__file__).with_name("__main__.py")
#: In the order in which they were recorded: each finds the queue as the one before has left it.
ACTING = (
    "hold", "release", "bounce", "expire", "requeue", "delete", "delete-none", "delete-empty",
    "delete-corrupt", "delete-one-directory", "hold-all", "release-all",
)  # fmt: skip
LOOKING = (
    "cat-headers", "cat-body", "cat-raw", "cat-envelope", "cat-all", "cat-maildrop", "cat-corrupt",
    "cat-gone", "cat-invalid", "deliver", "deliver-gone", "deliver-invalid", "flush", "status",
)  # fmt: skip


@pytest.fixture
def home(version: str, tmp_path: Path) -> Path:
    """A demo's home with the recorded spool in it."""
    spool = tmp_path / "spool"
    spool.mkdir()
    unpack_spool(version, spool)
    etc.make(str(tmp_path), {})
    return tmp_path


def play(home: Path, recording: Recording) -> Recording:
    """Run the stand-in as the real command was run."""
    command, *arguments = recording.argv
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), "standin", command, "-c", f"{home}/etc", *arguments],
        input=recording.input, capture_output=True, timeout=60, check=False, env={"TZ": "UTC"},
    )  # fmt: skip
    return Recording(
        recording.name, recording.argv, recording.input, True, done.returncode, done.stdout, done.stderr
    )


def entries(output: bytes) -> list[dict[str, Any]]:
    """What postqueue -j printed, without the orders that mean nothing: in a directory, in a defer log."""
    listed = [json.loads(line.decode("utf-8", "surrogateescape")) for line in output.split(b"\n") if line]
    for entry in listed:
        entry["recipients"].sort(key=lambda recipient: recipient["address"])
    queues = list(dict.fromkeys(entry["queue_name"] for entry in listed))
    return sorted(listed, key=lambda entry: (queues.index(entry["queue_name"]), entry["queue_id"]))


def test_postqueue_lists_the_same(home: Path, recordings: dict[str, Recording]) -> None:
    played = play(home, recordings["list"])
    assert entries(played.stdout) == entries(recordings["list"].stdout)
    assert (played.returncode, played.stderr) == (0, b"")


@pytest.mark.parametrize("name", LOOKING)
def test_a_command_says_the_same(home: Path, recordings: dict[str, Recording], name: str) -> None:
    recording = recordings[name]
    played = play(home, recording)
    assert played == recording


def test_postsuper_does_and_says_the_same_all_along(home: Path, recordings: dict[str, Recording]) -> None:
    for name in ACTING:
        assert play(home, recordings[name]) == recordings[name]


def test_postconf_has_the_same_form(home: Path, recordings: dict[str, Recording]) -> None:
    real, played = recordings["conf-many"], play(home, recordings["conf-many"])
    assert (played.returncode, played.stderr) == (real.returncode, real.stderr)
    names = [
        [line.split(b" = ")[0] for line in output.splitlines()] for output in (real.stdout, played.stdout)
    ]
    assert names[0] == names[1]

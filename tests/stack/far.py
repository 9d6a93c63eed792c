"""Hosts behind an ssh, for tests: who answers what it asks, what was started, and what still runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtatui.backends.host import Completed, Prompt, Unreachable
from mtatui.backends.host_ssh import SshHost
from tests.stack.sshd import Sshd

MakeSshd = Callable[..., Sshd]


def ours() -> set[int]:
    """The ssh processes that we have started and that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, fields = stat.read_text().rpartition(")")
            state, parent = fields.split()[:2]
            if name.endswith("(ssh") and state != "Z" and int(parent) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def master(host: SshHost) -> list[int]:
    """The master that ssh keeps for a host without Python: it has left us, but names its socket."""
    places = [word for entry in host.log.entries for word in entry.argv if word.startswith("ControlPath=")]
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = line.read_bytes().split(b"\0")
            if b"ControlMaster=yes" in words and places[-1].encode() in words:
                found.append(int(line.parent.name))
    return found


async def number(host: SshHost) -> Completed:
    return await host.run(["id", "-u"])


async def refusal(host: SshHost) -> str:
    """Why there is no connection."""
    with pytest.raises(Unreachable) as told:
        await number(host)
    assert not host.connected
    return str(told.value)


def tries(host: SshHost) -> int:
    """How many times ssh was started for it."""
    return sum(entry.note == "the connection" for entry in host.log.entries)


class Person:
    """Answers what ssh asks, and remembers it."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[Prompt] = []

    def __call__(self, prompt: Prompt) -> str | None:
        self.asked.append(prompt)
        return self.answers.pop(0)


def commands(sshd: Sshd) -> dict[int, str]:
    """What runs in its sessions, by process."""
    found = {}
    for pid in sshd.sessions():
        with contextlib.suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.02)

"""Hosts behind an ssh, for tests: who answers what it asks, what was started, and what still runs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtatui.backends.host import Completed, Prompt, Unreachable
from mtatui.backends.host_ssh import SshHost
from tests.stack.sshd import Sshd

MakeSshd = Callable[..., Sshd]


def ours() -> list[str]:
    """The ssh processes that we have started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            words = (stat.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # A master has left us: it is known by its socket in a directory of ours.
        if words[0] == b"ssh" and fields[0] != "Z" and int(fields[1]) == os.getpid():
            found.append(b" ".join(words).decode())
        elif words[0].startswith(b"ssh: ") and b"/mtatui-" in words[0]:
            found.append(words[0].decode())
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


def commands(sshd: Sshd) -> list[str]:
    """What runs in its sessions."""
    found = []
    for pid in sshd.sessions():
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.02)

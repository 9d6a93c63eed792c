"""What a command line does when one of several things that it waits for fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from mtatui.backends.host_local import LocalHost
from mtatui.cli.session import wait_for


def sleeping_children() -> list[str]:
    """What is left of the command. (Other tests in this process may have children of their own.)"""
    sleeping = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and (process / "comm").read_text() == "sleep\n":
                sleeping.append(process.name)
    return sleeping


def test_a_failure_does_not_wait_for_a_command_that_is_just_being_started() -> None:
    started = []

    async def work() -> None:
        started.append(asyncio.create_task(LocalHost().run(["sleep", "50"])))
        await asyncio.sleep(0)  # it has begun; its pipes are not connected
        raise LookupError("something else")

    signal.alarm(20)  # where it waits for ever, the test ends
    try:
        begun = time.monotonic()
        with pytest.raises(LookupError, match="something else"):
            wait_for(work())
    finally:
        signal.alarm(0)
    assert started[0].cancelled()
    assert time.monotonic() - begun < 50  # nor did it wait for its end
    assert not sleeping_children()

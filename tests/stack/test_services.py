"""The services of a mail server, on the real daemons: configured, running, answering; killed, and frozen."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtatui.backends.host import ReadOnly
from mtatui.backends.host_local import LocalHost
from mtatui.backends.looking.processes import Table
from mtatui.backends.services import PATIENCE, Refused, Service, Services, down
from tests.stack.daemons import Daemons

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

ROLES = {
    "postfix": "Postfix",
    "amavis": "Antispam",
    "spamd": "Antispam",
    "clamd": "Antivirus",
    "freshclam": "Signature updates",
    "cyrus": "Authentication",
    "opendkim": "DKIM",
    "postgrey": "Policy service",
}


@pytest.fixture(scope="module")
def daemons() -> Iterator[Daemons]:
    with Daemons() as daemons:
        asyncio.run(until(services(daemons), lambda found: all(one.well for one in found.values())))
        yield daemons


def services(daemons: Daemons, *, read_only: bool = False) -> Services:
    return Services(LocalHost(read_only=read_only), str(daemons.postfix.config), daemons.places)


async def seen(looked_at: Services) -> dict[str, Service]:
    return {service.id: service for service in await looked_at.look()}


async def until(looked_at: Services, true: Callable[[dict[str, Service]], bool]) -> dict[str, Service]:
    """What is seen once it is as it must come to be."""
    deadline = time.monotonic() + 40
    while not true(found := await seen(looked_at)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
    return found


async def test_all_are_configured_running_and_answering(daemons: Daemons) -> None:
    found = await seen(services(daemons))
    assert {id: service.role for id, service in found.items()} == ROLES
    for id, process in daemons.processes.items():
        running = found[id].running
        assert running is not None
        assert running.pid == process.pid
        assert 0 <= time.time() - running.since < 300
        assert running.memory > 1 << 20
    master = found["postfix"].running
    assert daemons.postfix.master is not None
    assert master is not None
    assert master.pid == daemons.postfix.master.pid
    assert found["clamd"].said == "PONG"
    assert found["spamd"].said == "PONG"
    assert "amavis" in found["amavis"].said
    assert found["opendkim"].said == "negotiates"
    assert found["postgrey"].said == "action=DUNNO"
    assert "PLAIN" in found["cyrus"].said
    assert found["freshclam"].answering is None
    assert "main.cf line" in found["amavis"].where
    assert "master.cf line" in found["spamd"].where
    assert down(await services(daemons).watch()) == ()


async def test_killed_ones_are_configured_and_do_not_run(daemons: Daemons) -> None:
    looked_at = services(daemons)
    for id in daemons.processes:
        daemons.kill(id)
    try:
        # The children of a killed one take their time to go on a busy machine.
        found = await until(looked_at, lambda found: not any(found[id].runs for id in daemons.processes))
        assert set(down(await looked_at.watch())) == set(daemons.processes)
    finally:
        for id in [*daemons.processes]:
            daemons.start(id)
    for id in daemons.processes:
        killed = found.pop(id)
        assert killed.configured
        assert killed.runs is False
        assert not killed.well
        assert "not running" in killed.said
        assert f"service start {id}" in killed.advice
    # Of the others nothing is said that is not so.
    assert all(service.well for service in found.values())
    await until(looked_at, lambda found: all(one.well for one in found.values()))
    assert down(await looked_at.watch()) == ()


async def test_frozen_ones_run_and_do_not_answer(daemons: Daemons) -> None:
    looked_at = services(daemons)
    with daemons.frozen("clamd"), daemons.frozen("spamd"), daemons.frozen("amavis"):
        begun = time.monotonic()
        found = await seen(looked_at)
        took = time.monotonic() - begun
    for id in ("clamd", "spamd", "amavis"):
        frozen = found.pop(id)
        assert frozen.runs is True
        assert frozen.answering is False
        assert "SIGSTOP" in frozen.said
        assert f"no answer within {PATIENCE:g} s" in frozen.said
    assert all(service.well for service in found.values())
    # They are asked side by side.
    assert took < 3 * PATIENCE


async def test_a_frozen_milter_is_named_as_what_holds_postfix(daemons: Daemons) -> None:
    looked_at = services(daemons)
    with daemons.frozen("opendkim"):
        found = await seen(looked_at)
    assert found["opendkim"].runs is True
    assert found["opendkim"].answering is False
    assert found["postfix"].answering is False  # it connects to its milters before it greets
    assert "opendkim" in found["postfix"].advice
    await until(looked_at, lambda found: all(one.well for one in found.values()))


async def test_one_that_is_still_loading_runs_and_does_not_answer(daemons: Daemons) -> None:
    looked_at = services(daemons)
    socket = daemons.root / "clamd.ctl"
    hidden = socket.with_name("hidden")
    os.rename(socket, hidden)
    try:
        clamd = (await seen(looked_at))["clamd"]
    finally:
        os.rename(hidden, socket)
    assert clamd.runs is True
    assert clamd.answering is False
    assert "no such socket" in clamd.said


async def test_postfix_is_stopped_started_restarted_and_reloaded(daemons: Daemons) -> None:
    looked_at = services(daemons)
    argv = f"postfix -c {daemons.postfix.config}"
    master = daemons.postfix.master
    assert master is not None
    try:
        postfix = (await seen(looked_at))["postfix"]
        stopped = await looked_at.act(postfix, "stop")
        assert stopped.ok, stopped
        assert stopped.commands == (f"{argv} stop",)
        assert stopped.service.runs is False
        master.wait(20)
        found = await seen(looked_at)
        assert found["cyrus"].said == "Postfix is not running"
        assert down(await looked_at.watch()) == ("postfix",)
        for deed, commands in {
            "start": (f"{argv} start",),
            "reload": (f"{argv} reload",),
            "restart": (f"{argv} stop", f"{argv} start"),
        }.items():
            done = await looked_at.act(found["postfix"], deed)
            assert done.ok, done
            assert done.commands == commands
            assert done.service.answering is True
    finally:
        daemons.postfix.run("postfix", "stop", check=False)
        daemons.postfix.start()


async def test_what_cannot_be_done_is_refused_in_words(daemons: Daemons) -> None:
    looked_at = services(daemons)
    found = await seen(looked_at)
    if looked_at.why_not(found["clamd"]):  # nobody manages services here
        with pytest.raises(Refused, match="systemd"):
            await looked_at.act(found["clamd"], "restart")
    with pytest.raises(Refused, match="within postfix"):
        await looked_at.act(found["cyrus"], "stop")
    read_only = services(daemons, read_only=True)
    found = await seen(read_only)
    with pytest.raises(Refused, match="read-only"):
        await read_only.act(found["postfix"], "stop")
    with pytest.raises(ReadOnly):
        await read_only.host.run(["postfix", "stop"], changes=True)


@pytest.mark.parametrize(("contained", "found"), [(False, True), (True, False)])
def test_what_runs_in_a_container_is_another_service(tmp_path: Path, contained: bool, found: bool) -> None:
    program = tmp_path / "sleeper"
    shutil.copy("/bin/sleep", program)
    container = ["unshare", "--pid", "--uts", "--ipc", "--fork", "--kill-child"] if contained else []
    wanted = {
        "places": [], "pid_files": [], "names": ["sleeper"], "flags": [], "config": "", "standard": True,
    }  # fmt: skip
    with subprocess.Popen([*container, str(program), "60"]) as process:
        until = time.monotonic() + 10
        while not any(p.name == "sleeper" for p in Table().processes.values()):
            assert time.monotonic() < until
            time.sleep(0.02)
        seen = Table().find(wanted, memory=False)
        process.kill()
    assert (seen is not None) == found

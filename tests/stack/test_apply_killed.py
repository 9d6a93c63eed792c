"""Whoever changes settings is killed at every moment: the old or the new configuration is whole, Postfix
answers, the history says which, and the next change goes well."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mtatui.backends import applying
from mtatui.backends.applying import STEPS, Ending
from mtatui.backends.host import Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.request import request
from mtatui.settings.plan import Plan
from tests.stack.changes import Desk, Killed, edit, same
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Every step begins and ends; a change of three files is interrupted between any two.
MOMENTS = (
    *(f"{step} {state}" for step in STEPS for state in ("begins", "done")),
    *(f"prepared {n}" for n in (1, 2, 3)),
    *(f"replaced {n}" for n in (1, 2, 3)),
    *(f"noted {n}" for n in (1, 2)),
)
#: Those of them in which a power cut would leave something else behind each.
CUTS = (
    "record done", "guard done", "stage begins", "prepared 2", "check begins", "noted 1", "replaced 1",
    "replaced 2", "replaced 3", "reload begins", "reload done", "probe done", "noted 2", "finish done",
)  # fmt: skip
#: Moments of a change that Postfix does not bear, on its way back.
WAY_BACK = ("roll back begins", "restored 1", "restored 2", "restored 3", "noted 2", "roll back done")


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    with PostfixInstance(service_throttle_time="1s") as instance:
        (instance.config / "goes").write_bytes(b"old\n")
        yield instance


@pytest.fixture
def desk(instance: PostfixInstance) -> Iterator[Desk]:
    with Desk(instance) as desk:
        yield desk


def plan(desk: Desk, **parameters: str) -> Plan:
    """A change of three files: one is new, one changes, one goes."""
    new, goes = desk.instance.config / "mtatui" / "table", desk.instance.config / "goes"
    [main] = desk.edits(**(parameters or {"smtpd_banner": "new"}))
    return desk.plan(edit(new, b"new\n", 0o600), main, edit(goes, None), checks=not parameters)


def settled(desk: Desk, change: Plan) -> Ending | None:
    """What came of it, when nobody is at it any more: whole it is, and Postfix works with it."""
    entries = desk.entries()
    outcome = desk.ended(entries[0].id).outcome if entries else None
    assert same(change.edits, after=outcome is Ending.APPLIED), f"{outcome}: neither old nor new"
    assert not (desk.instance.config / "mtatui").exists() or outcome is Ending.APPLIED
    assert desk.greets()
    assert desk.works()
    desk.settle()
    assert desk.litter() == []
    # And the next one goes well.
    again = desk.apply(desk.plan(*desk.edits(smtpd_banner="again"), checks=False))
    assert again.outcome is Ending.APPLIED, again.text
    return outcome


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_program_is_killed(desk: Desk, moment: str) -> None:
    """Its guard takes back what it has begun, at once; who applied it is told."""
    change = plan(desk)
    try:
        told = desk.apply(change, host=Killed(f"applier {moment}")).outcome
    except Unreachable:
        told = None
        assert desk.entries() == [], "there is an entry, so there is an outcome to tell"
    outcome = settled(desk, change)
    assert outcome is told
    ended = moment in ("finish done", "noted 2")
    assert (outcome is Ending.APPLIED) == ended
    if outcome is Ending.ROLLED_BACK:
        entry = desk.entries()[1]
        assert entry.interrupted
        assert "sudden end" in entry.text


@pytest.mark.parametrize("moment", CUTS)
def test_the_program_and_its_guard_are_killed(desk: Desk, moment: str) -> None:
    """As by a power cut: whoever comes next settles it."""
    change = plan(desk)
    with contextlib.suppress(Unreachable):
        desk.apply(change, host=Killed(f"both {moment}"))
    outcome = settled(desk, change)
    ended = moment in ("finish done", "noted 2")
    assert (outcome is Ending.APPLIED) == ended


def test_after_a_reboot_postfix_is_not_started_by_us(desk: Desk) -> None:
    """Who starts it is not our business; that it starts with whole files is."""
    change = plan(desk)
    asked = request(desk.host, change, "ada", None, str(desk.instance.log))
    with pytest.raises(Unreachable):
        applying.ask(Killed("both replaced 2"), desk.queue, asked)
    desk.instance.halt()
    [settled] = desk.settle()
    assert (settled.outcome, settled.interrupted) == (Ending.ROLLED_BACK, True)
    assert "is not started" in settled.text
    assert same(change.edits, after=False)
    desk.instance.start()


@pytest.mark.parametrize("who", ["applier", "both"])
@pytest.mark.parametrize("moment", WAY_BACK)
def test_killed_on_the_way_back(desk: Desk, who: str, moment: str) -> None:
    change = plan(desk, mynetworks="127.0.0.1/8")
    desk.apply(change, host=Killed(f"{who} {moment}"))
    assert settled(desk, change) is Ending.ROLLED_BACK


@pytest.mark.parametrize("moment", WAY_BACK)
def test_the_guard_is_killed_at_its_work(desk: Desk, moment: str) -> None:
    """It takes back what was not confirmed, and dies of it: whoever comes next settles it."""
    change = plan(desk)
    # The guard's own notes and restores are counted from what its applier had done when it began.
    moment = moment.replace("noted 2", "noted 1")
    applied = desk.apply(change, confirm_within=0.2, host=Killed(f"guard {moment}"))
    assert applied.outcome is Ending.AWAITING
    guard = int((desk.instance.queue / "guard.pid").read_text())
    desk.instance.wait_until(lambda: not Path(f"/proc/{guard}").exists(), "the guard's end")
    desk.settle()
    assert settled(desk, change) is Ending.ROLLED_BACK


def test_a_guard_that_was_killed_while_it_waits_is_replaced(desk: Desk) -> None:
    change = plan(desk)
    applied = desk.apply(change, confirm_within=3, host=Killed("nobody"))
    guard = int((desk.instance.queue / "guard.pid").read_text())
    os.kill(guard, signal.SIGKILL)
    desk.instance.wait_until(lambda: not Path(f"/proc/{guard}").exists(), "the guard's end")
    assert desk.settle() == []
    assert same(change.edits, after=True)
    assert desk.ended(applied.entry_id).outcome is Ending.ROLLED_BACK
    assert same(change.edits, after=False)


@pytest.mark.parametrize("moment", ["stage begins", "replaced 2", "probe done"])
def test_a_guard_that_is_killed_while_it_is_applied_is_replaced(desk: Desk, moment: str) -> None:
    change = plan(desk)
    applied = desk.apply(change, confirm_within=0.5, host=Killed(f"its_guard {moment}"))
    assert applied.outcome is Ending.AWAITING
    assert desk.ended(applied.entry_id).outcome is Ending.ROLLED_BACK
    assert settled(desk, change) is Ending.ROLLED_BACK


@pytest.mark.parametrize("moment", [f"{step} begins" for step in STEPS] + ["finish done"])
@pytest.mark.parametrize("who", ["parent", "hangup"])
def test_the_terminal_is_gone(desk: Desk, who: str, moment: str) -> None:
    """mtatui is killed, or its terminal hangs up: what had not come to its end is taken back."""
    change = plan(desk)
    host = Killed(f"{who} {moment}")
    if who == "hangup":
        outcome = desk.apply(change, host=host).outcome
        assert outcome in (Ending.REFUSED, Ending.ROLLED_BACK, Ending.APPLIED)
    else:
        parent = os.fork()
        if parent == 0:
            os.setsid()
            asyncio.run(desk.applying(change, host=host))
            os._exit(0)
        os.waitpid(parent, 0)
        desk.instance.wait_until(lambda: not locked(desk), "the program's end")
    entries = desk.entries()
    outcome = settled(desk, change) or Ending.REFUSED
    assert (outcome is Ending.APPLIED) == (moment in ("finish begins", "finish done"))
    if entries and outcome is not Ending.APPLIED:
        assert "is gone" in entries[0].text or "by signal" in entries[0].text


def locked(desk: Desk) -> bool:
    """Whether somebody is at the settings."""
    lock = desk.home / "lock"
    done = subprocess.run(["flock", "-n", str(lock), "true"], check=False) if lock.exists() else None
    return done is None or done.returncode != 0


def test_an_applier_that_stands_still_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, swapped out for good, or in an endless loop: its guard waits only so long."""
    program = (
        "import sys, os, signal; sys.path.append(sys.argv[1])\n"
        "from backends.transaction import apply, revive, serve\n"
        "apply.SLACK = -60 - 30 + 1.0\n"
        "me, trouble = os.getpid(), revive.trouble\n"
        "def stand(*a):\n"
        "    if os.getpid() == me: os.kill(me, signal.SIGSTOP)\n"
        "    return trouble(*a)\n"
        "revive.trouble = stand\n"
        "sys.exit(serve.main(sys.argv[2:]))\n"
    )

    class Still(LocalHost):
        def command(self, argv: Sequence[str]) -> list[str]:
            if str(applying.PROGRAM) in argv:
                monkeypatch.setattr(Still, "command", LocalHost.command)
                return [sys.executable, "-c", program, str(applying.PROGRAM.parents[2]), argv[-1]]
            return list(argv)

    change = plan(desk)
    applied = desk.apply(change, host=Still())
    assert applied.outcome is Ending.ROLLED_BACK
    assert settled(desk, change) is Ending.ROLLED_BACK

"""Changes of settings on a real Postfix: applied, refused, not well and taken back, confirmed or not."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from mtatui.backends import history
from mtatui.backends.applying import STEPS, Ending, Step
from mtatui.backends.host import HostError, ReadOnly
from mtatui.backends.host_local import LocalHost
from tests.stack.changes import WHO, Desk, began, edit, same, sleeping
from tests.stack.postfix import PostfixInstance

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("way")]


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    # What has died of a bad configuration is started again soon, and a test needs not wait a minute.
    with PostfixInstance(service_throttle_time="1s") as instance:
        yield instance


@pytest.fixture
def desk(instance: PostfixInstance) -> Iterator[Desk]:
    """A desk at a Postfix that is as it was in the beginning."""
    with Desk(instance) as desk:
        yield desk


# -- what goes well ------------------------------------------------------------------------------------------


def test_a_change_is_applied_and_told(desk: Desk) -> None:
    told: list[Step] = []
    [one] = edits = desk.edits(smtpd_banner="$myhostname ESMTP new")
    os.chmod(desk.main_cf, 0o640)
    os.chown(desk.main_cf, 0, 12)
    os.setxattr(desk.main_cf, "user.kept", b"label")
    applied = desk.apply(desk.plan(one), progress=told.append)
    assert applied.outcome is Ending.APPLIED
    assert applied.exit_code == 0
    assert began(applied) == list(STEPS)
    assert told == list(applied.steps)
    assert same(edits, after=True)
    info = desk.main_cf.stat()
    assert (info.st_mode & 0o777, info.st_uid, info.st_gid) == (0o640, 0, 12)
    assert os.getxattr(desk.main_cf, "user.kept") == b"label"
    with socket.create_connection((desk.instance.address, 25), timeout=30) as connection:
        assert b"ESMTP new" in connection.recv(200)
    commands = [step.command for step in applied.steps if step.command]
    assert commands == [str(command) for command in (*desk.plan(one).checks, *desk.plan(one).reload)]


def test_the_history_knows_it(desk: Desk) -> None:
    [one] = desk.edits(relayhost="[secret.example]")
    plan = desk.plan(dataclasses.replace(one, secrets=("secret.example",)))
    applied = desk.apply(plan)
    entry = desk.entries()[0]
    assert entry == desk.entry(applied.entry_id)
    assert (entry.outcome, entry.who, entry.server) == (Ending.APPLIED, WHO, "mail.stack.test")
    assert entry.changes == plan.changes
    assert entry.words == plan.words
    assert entry.diff == tuple(plan.diff())
    assert entry.commands == tuple(plan.commands())
    assert entry.undoable
    assert abs(entry.at - time.time()) < 60 > abs(entry.ended - time.time())
    assert asyncio.run(history.material(desk.host, desk.queue, entry.id)) == {one.path: one.before}
    assert history.left_by_us([entry]) == {one.path: entry.files[0].after}
    home = desk.home
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if b"secret" in path.read_bytes()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert home.stat().st_mode & 0o777 == 0o700


def test_entries_sort_by_time_and_an_undo_is_one(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="first")
    first = desk.apply(desk.plan(one))
    undo = dataclasses.replace(desk.plan(edit(desk.main_cf, one.before)), undoes=first.entry_id)
    second = desk.apply(undo)
    entries = desk.entries()
    assert [entry.id for entry in entries] == [second.entry_id, first.entry_id]
    assert entries[0].undoes == first.entry_id
    assert desk.main_cf.read_bytes() == one.before


def test_new_files_and_files_that_go(desk: Desk) -> None:
    table, old = desk.instance.config / "mtatui" / "deep" / "table", desk.instance.config / "old"
    old.write_bytes(b"x\n")
    [one] = desk.edits(smtpd_banner="tables")
    plan = desk.plan(edit(table, b"secret\n", 0o600), edit(old, None), one)
    applied = desk.apply(plan)
    assert applied.outcome is Ending.APPLIED
    assert same(plan.edits, after=True)
    assert table.stat().st_mode & 0o777 == 0o600
    back = desk.plan(edit(table, None), edit(old, b"x\n"), edit(desk.main_cf, one.before))
    assert desk.apply(back).ok
    old.unlink()
    shutil.rmtree(desk.instance.config / "mtatui")


def test_a_symbolic_link_stays_one(desk: Desk) -> None:
    real = desk.instance.root / "elsewhere.cf"
    shutil.copy2(desk.main_cf, real)
    desk.main_cf.unlink()
    desk.main_cf.symlink_to("../elsewhere.cf")
    [one] = desk.edits(smtpd_banner="linked")
    assert desk.apply(desk.plan(one)).ok
    assert desk.main_cf.is_symlink()
    assert real.read_bytes() == one.after
    assert list(desk.instance.root.glob(".*")) == []


def test_what_is_there_already_is_no_change(desk: Desk) -> None:
    applied = desk.apply(desk.plan())
    assert applied.outcome is Ending.UNCHANGED
    same_bytes = dataclasses.replace(edit(desk.main_cf, desk.main_cf.read_bytes()))
    applied = desk.apply(desk.plan(same_bytes))
    assert (applied.outcome, applied.exit_code) == (Ending.UNCHANGED, 0)
    assert desk.entries() == []
    assert "reload" not in began(applied)


def test_a_stopped_postfix_is_not_started(make_postfix: Callable[..., PostfixInstance]) -> None:
    desk = Desk(make_postfix())
    desk.instance.halt()
    [one] = desk.edits(smtpd_banner="later")
    applied = desk.apply(desk.plan(one))
    assert applied.outcome is Ending.APPLIED
    assert "does not run" in applied.text
    assert same((one,), after=True)
    [reload] = [step for step in applied.steps if step.name == "reload" and step.state == "done"]
    assert "not started" in reload.text
    assert not [step for step in applied.steps if step.command.endswith("reload")]
    desk.instance.start()


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        ("message_size_limit", "many", "bad numerical configuration: message_size_limit = many"),
        ("smtpd_helo_required", "maybe", "bad boolean configuration: smtpd_helo_required = maybe"),
        ("inet_interfaces", "192.0.2.77", "192.0.2.77"),
    ],
)
def test_what_a_check_refuses_touches_nothing(desk: Desk, parameter: str, value: str, said: str) -> None:
    edits, inode = desk.edits(**{parameter: value}), desk.main_cf.stat().st_ino
    applied = desk.apply(desk.plan(*edits))
    assert (applied.outcome, applied.exit_code) == (Ending.REFUSED, 3)
    assert said in applied.text
    assert "othing was changed" in applied.text
    assert began(applied)[-1] == "check"
    assert same(edits, after=False)
    assert desk.main_cf.stat().st_ino == inode
    assert desk.entries()[0].outcome is Ending.REFUSED


def test_a_file_that_was_changed_meanwhile(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="mine")
    theirs = desk.main_cf.read_bytes() + b"# by hand\n"
    desk.main_cf.write_bytes(theirs)
    applied = desk.apply(desk.plan(one))
    assert (applied.outcome, applied.exit_code) == (Ending.CHANGED, 3)
    assert applied.versions == {one.path: (one.after, theirs)}
    assert "by hand" in applied.text
    assert desk.main_cf.read_bytes() == theirs
    desk.instance.configure()


def test_who_has_changed_it_if_the_history_knows(desk: Desk) -> None:
    [mine] = desk.edits(smtpd_banner="mine")
    [first] = desk.edits(smtpd_banner="theirs")
    theirs = desk.apply(desk.plan(first))
    applied = desk.apply(desk.plan(mine))
    assert applied.outcome is Ending.CHANGED
    assert f"by {WHO}" in applied.text
    assert theirs.entry_id in applied.text


def test_a_file_changed_while_it_is_checked(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="mine")
    theirs = (one.before or b"") + b"# while it was checked\n"

    class Host(LocalHost):
        """Its checks take their time, and somebody writes meanwhile."""

    def meanwhile(step: Step) -> None:
        if step.name == "check" and step.state == "begins":
            desk.main_cf.write_bytes(theirs)

    applied = desk.apply(desk.plan(one), progress=meanwhile)
    assert applied.outcome is Ending.CHANGED
    assert desk.main_cf.read_bytes() == theirs
    desk.instance.configure()


def test_files_that_were_read_for_it_count_too(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="mine")
    master_cf = desk.instance.config / "master.cf"
    tag = edit(master_cf, None).tag
    assert tag is not None
    plan = dataclasses.replace(desk.plan(one), relied_on=((str(master_cf), tag),))
    before = master_cf.read_bytes()
    master_cf.write_bytes(before + b"# by hand\n")
    applied = desk.apply(plan)
    assert applied.outcome is Ending.CHANGED
    assert list(applied.versions) == [str(master_cf)]
    master_cf.write_bytes(before)


async def test_two_at_once(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="one")
    applied = await asyncio.gather(desk.applying(desk.plan(one)), desk.applying(desk.plan(one)))
    assert sorted(a.outcome for a in applied) == [Ending.APPLIED, Ending.CHANGED]
    assert same((one,), after=True)


async def test_who_is_at_it_is_told(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="one")
    reloading = asyncio.Event()
    slow = dataclasses.replace(desk.plan(one), reload=(*desk.plan(one).reload, sleeping(6)))
    first = asyncio.create_task(
        desk.applying(slow, progress=lambda step: reloading.set() if step.name == "reload" else None)
    )
    await reloading.wait()
    second = await desk.applying(desk.plan(one))
    assert second.outcome is Ending.REFUSED
    assert f"being changed by {WHO}, since" in second.text
    assert (await first).ok


def test_looking_only(desk: Desk) -> None:
    [one] = edits = desk.edits(smtpd_banner="looking")
    with pytest.raises(ReadOnly):
        desk.apply(desk.plan(one), host=LocalHost(read_only=True))
    assert asyncio.run(history.entries(LocalHost(read_only=True), desk.queue)) == []
    assert same(edits, after=False)


# -- stopped on the way --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", STEPS)
async def test_stopped_at_each_step(desk: Desk, at: str) -> None:
    edits = desk.edits(smtpd_banner=f"stopped at {at}")
    cancel = asyncio.Event()

    def stop(step: Step) -> None:
        if step.name == at:
            cancel.set()

    applied = await desk.applying(desk.plan(*edits), progress=stop, cancel=cancel)
    # When the wish arrives is not ours to say: whole it must be, and told.
    assert same(edits, after=applied.outcome is Ending.APPLIED)
    assert applied.outcome in (Ending.REFUSED, Ending.ROLLED_BACK, Ending.APPLIED)
    if applied.outcome is not Ending.APPLIED:
        assert "stopped on request" in applied.text
    if applied.entry_id:
        assert (await history.entries(desk.host, desk.queue))[0].outcome is applied.outcome


async def test_stopped_while_it_reloads(desk: Desk) -> None:
    [one] = edits = desk.edits(smtpd_banner="stopped")
    cancel = asyncio.Event()
    plan = dataclasses.replace(desk.plan(one), reload=(*desk.plan(one).reload, sleeping(1)))

    def stop(step: Step) -> None:
        if step.command.startswith("sleep"):
            cancel.set()

    applied = await desk.applying(plan, progress=stop, cancel=cancel)
    assert applied.outcome is Ending.ROLLED_BACK
    assert "topped on request" in applied.text
    assert same(edits, after=False)


async def test_a_cancelled_task_leaves_nothing_behind(desk: Desk) -> None:
    [one] = edits = desk.edits(smtpd_banner="cancelled")
    begun = asyncio.Event()
    plan = dataclasses.replace(desk.plan(one), reload=(*desk.plan(one).reload, sleeping(1)))

    def progress(step: Step) -> None:
        if step.command.startswith("sleep"):
            begun.set()

    task = asyncio.create_task(desk.applying(plan, progress=progress))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert same(edits, after=False)
    assert (await history.entries(desk.host, desk.queue))[0].outcome is Ending.ROLLED_BACK


# -- keep it only if it is confirmed -------------------------------------------------------------------------


def test_confirmed(desk: Desk) -> None:
    edits = desk.edits(smtpd_banner="confirmed")
    applied = desk.apply(desk.plan(*edits), confirm_within=1.5)
    assert (applied.outcome, applied.exit_code) == (Ending.AWAITING, 0)
    assert applied.until is not None
    assert 0 < applied.until - time.time() <= 1.5
    assert desk.entries()[0].awaiting
    entry = desk.confirm(applied.entry_id, "bob")
    assert entry.outcome is Ending.APPLIED
    assert "bob" in entry.text
    time.sleep(max(0.0, applied.until - time.time()) + 0.5)  # its guard would act then
    assert same(edits, after=True)
    with pytest.raises(HostError, match="That is over"):
        desk.confirm(applied.entry_id)


def test_not_confirmed(desk: Desk) -> None:
    edits = desk.edits(smtpd_banner="forgotten")
    applied = desk.apply(desk.plan(*edits), confirm_within=0.3)
    entry = desk.ended(applied.entry_id)
    assert entry.outcome is Ending.ROLLED_BACK
    assert "not confirmed in time" in entry.text
    assert not entry.interrupted
    assert same(edits, after=False)
    with pytest.raises(HostError, match="rolled back"):
        desk.confirm(applied.entry_id)


def test_taken_back_before_its_time(desk: Desk) -> None:
    edits = desk.edits(smtpd_banner="taken back")
    applied = desk.apply(desk.plan(*edits), confirm_within=60)
    second = desk.apply(desk.plan(*desk.edits(smtpd_banner="not yet")))
    assert second.outcome is Ending.REFUSED
    assert "waits to be confirmed" in second.text
    back = desk.roll_back(applied.entry_id)
    assert back.outcome is Ending.ROLLED_BACK
    assert same(edits, after=False)
    with pytest.raises(HostError):
        desk.roll_back(applied.entry_id)


def test_what_was_written_by_hand_meanwhile_is_kept(desk: Desk) -> None:
    edits = desk.edits(smtpd_banner="awaiting")
    applied = desk.apply(desk.plan(*edits), confirm_within=60)
    theirs = desk.main_cf.read_bytes() + b"# by hand\n"
    desk.main_cf.write_bytes(theirs)
    back = desk.roll_back(applied.entry_id)
    assert back.outcome is Ending.ROLLED_BACK
    assert same(edits, after=False)
    kept = desk.home / applied.entry_id / "found-0"
    assert kept.read_bytes() == theirs
    assert str(kept) in back.text

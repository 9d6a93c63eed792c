"""Changes of settings on bad grounds: no room, nothing to write on, somebody else's files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui.backends.applying import Ending, Step
from tests.stack.changes import Desk, Killed, same, sleeping
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    """It logs to syslog: a postlogd (3.7) that warns of what these tests write into main.cf may wait for
    itself for ever, and with it whoever logs (`tests/stack/test_apply_unwell.py` has that on purpose)."""
    with PostfixInstance(service_throttle_time="1s", maillog_file="") as instance:
        yield instance


@pytest.fixture
def desk(instance: PostfixInstance) -> Iterator[Desk]:
    with Desk(instance) as desk:
        yield desk


@contextlib.contextmanager
def mounted(path: Path, size: str) -> Iterator[None]:
    """A small file system with what is in a directory, over it."""
    inside = path.with_name(path.name + ".inside")
    shutil.copytree(path, inside)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(path)], check=True)
    try:
        shutil.copytree(inside, path, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        shutil.rmtree(inside)


def fill(path: Path) -> None:
    """Leave no room on its file system."""
    with contextlib.suppress(OSError), (path / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.mark.usefixtures("way")
def test_no_room_for_the_new_file(desk: Desk) -> None:
    with mounted(desk.instance.config, "64k"):
        fill(desk.instance.config)
        edits = desk.edits(smtpd_banner="no room")
        applied = desk.apply(desk.plan(*edits))
        assert applied.outcome is Ending.REFUSED
        assert f"{desk.instance.config}/.main.cf.mtatui-" in applied.text
        assert "No space left on device" in applied.text
        assert same(edits, after=False)
        assert desk.litter() == []
        assert desk.entries()[0].outcome is Ending.REFUSED


@pytest.mark.usefixtures("way")
def test_no_room_to_remember_it(desk: Desk) -> None:
    home = desk.home.parent
    home.mkdir(0o700)
    with mounted(home, "64k"):
        home.chmod(0o700)
        fill(home)
        edits = desk.edits(smtpd_banner="no memory")
        applied = desk.apply(desk.plan(*edits))
        assert applied.outcome is Ending.REFUSED
        assert "No space left on device" in applied.text
        assert same(edits, after=False)


def test_a_disk_that_fills_up_while_it_reloads_does_not_keep_the_old_file_away(desk: Desk) -> None:
    home = desk.home.parent
    home.mkdir(0o700)
    with mounted(desk.instance.config, "128k"), mounted(home, "128k"):
        home.chmod(0o700)

        def fills(step: Step) -> None:
            if step.command.startswith("sleep"):
                fill(desk.instance.config)
                fill(home)

        edits = desk.edits(mynetworks="127.0.0.1/8")
        plan = desk.plan(*edits, checks=False)
        plan = dataclasses.replace(plan, reload=(sleeping(1), *plan.reload))
        applied = desk.apply(plan, progress=fills, host=Killed("nobody"))
        assert applied.outcome is Ending.ROLLED_BACK
        assert same(edits, after=False)
        entry = desk.entries()[0]
        assert (entry.outcome, entry.text) == (Ending.ROLLED_BACK, applied.text)


@pytest.mark.usefixtures("way")
def test_a_read_only_file_system(desk: Desk) -> None:
    with mounted(desk.instance.config, "64k"):
        subprocess.run(["mount", "-o", "remount,ro", str(desk.instance.config)], check=True)
        edits = desk.edits(smtpd_banner="read-only")
        applied = desk.apply(desk.plan(*edits))
        assert applied.outcome is Ending.REFUSED
        assert "Read-only file system" in applied.text
        assert same(edits, after=False)


def test_a_file_system_that_becomes_read_only_is_told_loudly(desk: Desk) -> None:
    with mounted(desk.instance.config, "64k"):

        def shut(step: Step) -> None:
            if step.command.startswith("sleep"):
                remount(desk, "ro")

        edits = desk.edits(mynetworks="127.0.0.1/8")
        plan = desk.plan(*edits, checks=False)
        plan = dataclasses.replace(plan, reload=(sleeping(1), *plan.reload))
        applied = desk.apply(plan, progress=shut, host=Killed("nobody"))
        assert applied.outcome is Ending.BROKEN
        assert "could not be put back" in applied.text
        by_hand = applied.text.partition("as root: ")[2]
        assert by_hand.startswith("cp -p ")
        remount(desk, "rw")
        again = desk.roll_back(applied.entry_id)
        assert again.outcome is Ending.ROLLED_BACK
        assert same(edits, after=False)


def test_a_room_that_is_somebody_elses(desk: Desk) -> None:
    home = desk.home.parent
    home.mkdir(0o700)
    os.chown(home, 65534, 65534)
    edits = desk.edits(smtpd_banner="whose")
    applied = desk.apply(desk.plan(*edits))
    assert applied.outcome is Ending.REFUSED
    assert "only its owner" in applied.text
    assert same(edits, after=False)


def test_an_owner_that_is_not_root_stays_the_owner(desk: Desk) -> None:
    os.chown(desk.main_cf, 65534, 65534)
    [one] = desk.edits(smtpd_banner="nobody's")
    assert desk.apply(desk.plan(one)).ok
    assert desk.main_cf.stat().st_uid == 65534
    os.chown(desk.main_cf, 0, 0)


def test_a_file_that_is_a_mount_of_its_own(desk: Desk) -> None:
    copy = desk.instance.root / "mounted.cf"
    shutil.copy2(desk.main_cf, copy)
    subprocess.run(["mount", "--bind", str(copy), str(desk.main_cf)], check=True)
    try:
        edits = desk.edits(smtpd_banner="mounted")
        applied = desk.apply(desk.plan(*edits))
        assert applied.outcome is Ending.REFUSED
        assert "a mount of its own" in applied.text
        assert same(edits, after=False)
    finally:
        subprocess.run(["umount", str(desk.main_cf)], check=True)


def remount(desk: Desk, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(desk.instance.config)], check=True)

"""sudo per command: what goes through it, and how its refusals are told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mtatui.backends import host_local
from mtatui.backends.host import NotPermitted
from mtatui.backends.host_sudo import SudoHost, refused, sudoers


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_local, "PATH", f"{tmp_path}:{host_local.PATH}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def stand_in(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


async def test_only_what_needs_root_goes_through_sudo(bin_dir: Path) -> None:
    stand_in(bin_dir / "sudo", 'echo sudo "$@"')
    stand_in(bin_dir / "postqueue", 'echo postqueue "$@"')
    host = SudoHost()
    assert (await host.run(["postsuper", "-d", "-"])).stdout == b"sudo -n -- postsuper -d -\n"
    assert (await host.run(["postqueue", "-j"])).stdout == b"postqueue -j\n"


async def test_services_are_looked_at_as_the_user_and_stopped_as_root(bin_dir: Path) -> None:
    stand_in(bin_dir / "sudo", 'echo sudo "$@"')
    stand_in(bin_dir / "systemctl", 'echo systemctl "$@"')
    host = SudoHost()
    assert (await host.run(["systemctl", "show", "x"])).stdout == b"systemctl show x\n"
    stopped = await host.run(["systemctl", "stop", "x"], changes=True)
    assert stopped.stdout == b"sudo -n -- systemctl stop x\n"
    stand_in(bin_dir / "sudo", 'echo "sudo: a password is required" >&2; exit 1')
    with pytest.raises(NotPermitted, match="systemctl stop x"):
        await host.run(["systemctl", "stop", "x"], changes=True)


@pytest.mark.parametrize(
    "text",
    [
        "sudo: a password is required",
        "Sorry, user bob is not allowed to execute '/usr/sbin/postsuper -d -' as root on mx1.",
        "bob is not in the sudoers file.  This incident will be reported.",
        "sudo: a terminal is required to read the password; either use the -S option",
    ],
)
async def test_refusal_names_the_line_that_would_allow_it(bin_dir: Path, text: str) -> None:
    stand_in(bin_dir / "sudo", f'echo "{text}" >&2; exit 1')
    with pytest.raises(NotPermitted, match=r"NOPASSWD: \S*postsuper"):
        await SudoHost().run(["postsuper", "-d", "-"])


async def test_a_failing_command_is_not_taken_for_a_refusal(bin_dir: Path) -> None:
    stand_in(bin_dir / "sudo", 'echo "postsuper: fatal: not allowed here" >&2; exit 1')
    assert (await SudoHost().run(["postsuper", "-d", "-"])).returncode == 1


def test_root_needs_no_sudo() -> None:
    if os.geteuid() == 0:
        assert SudoHost().command(["postsuper"]) == ["postsuper"]


def test_sudoers_lines_escape_what_sudoers_would_read() -> None:
    [line] = sudoers("bob", [["/usr/bin/python3", "-I", "/opt/m,x/a.py", "deferred defer", "*"]])
    assert line == r"bob ALL=(root) NOPASSWD: /usr/bin/python3 -I /opt/m\,x/a.py deferred\ defer \*"
    assert not refused(b"")

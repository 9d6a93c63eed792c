"""The timing of freshclam where its own cannot hold it: whose it is, what is written, what is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.filters import schedule
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.places import Places
from mtatui.settings.kinds import Refused

CONF = "/etc/clamav/freshclam.conf"


@pytest.mark.parametrize(
    ("seconds", "checks"),
    [
        (45, 1920),
        (1800, 48),
        (7200, 12),
        (86400, 1),
        (420, 0),
        (172800, 0),
        (3 * 604800, 0),
        (0, 0),
        (1, 86400),
    ],
)
def test_freshclam_does_itself_what_it_holds_exactly(seconds: int, checks: int) -> None:
    assert schedule.checks(seconds) == checks


@given(st.integers(1, 52 * 604800))
def test_what_freshclam_does_itself_is_exact(seconds: int) -> None:
    checks = schedule.checks(seconds)
    assert not checks or checks * seconds == schedule.DAY


@pytest.mark.parametrize("seconds", [420, 3 * 604800, 100])
def test_a_timer_of_systemd(tmp_path: Path, seconds: int) -> None:
    places = Places().below(str(tmp_path))
    config = f"{tmp_path}/freshclam.conf"
    written = schedule.written(Manager.SYSTEMD, places, "clamav-freshclam", config, seconds)
    files = {path: what.data for path, what in written.items() if what.data is not None}
    assert schedule.every(files.values()) == seconds
    assert len(files) == 4
    timer, service = (
        f"{places.systemd[0]}mtatui-freshclam.timer",
        f"{places.systemd[0]}mtatui-freshclam.service",
    )
    assert f"OnUnitActiveSec={seconds}s\n".encode() in (files[timer] or b"")
    assert f"--config-file={config}\n".encode() in (files[service] or b"")
    away = files[f"{places.systemd[0]}clamav-freshclam.service.d/mtatui.conf"]
    assert f"ConditionPathExists=!{timer}".encode() in (away or b"")
    if shutil.which("systemd-analyze"):
        for path, data in files.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data or b"")
        done = subprocess.run(
            ["systemd-analyze", "verify", timer, service], capture_output=True, text=True, check=False
        )
        assert "mtatui-freshclam" not in done.stderr, done.stderr


def test_cron_counts_whole_minutes() -> None:
    places = Places()
    written = schedule.written(Manager.SYSV, places, "clamav-freshclam", CONF, 420)
    line = (written["/etc/cron.d/clamav-freshclam"].data or b"").decode().splitlines()[1]
    assert line.startswith("* * * * * root [ $(( $(date +\\%s) / 60 \\% 7 )) -eq 0 ] && /usr/bin/freshclam ")
    with pytest.raises(Refused, match="whole minutes"):
        schedule.written(Manager.SYSV, places, "clamav-freshclam", CONF, 100)


def test_nothing_but_a_plain_path_gets_into_a_line_for_a_shell() -> None:
    for path in ("/etc/x;reboot", "/etc/a b", "/etc/$(id)", "etc/x", "/etc/x\n"):
        with pytest.raises(Refused):
            schedule.written(Manager.SYSV, Places(), "clamav-freshclam", path, 420)


def test_none_of_ours_is_left_when_freshclam_does_it_itself() -> None:
    written = schedule.written(Manager.SYSTEMD, Places(), "clamav-freshclam", CONF, 0)
    assert {what.data for what in written.values()} == {None}


def test_who_is_started_and_stopped() -> None:
    systemd, init = Unit(Manager.SYSTEMD, "clamav-freshclam"), Unit(Manager.SYSV, "clamav-freshclam")
    assert list(map(str, schedule.take(systemd, ours=True))) == [
        "systemctl daemon-reload",
        "systemctl stop clamav-freshclam.service",
        "systemctl restart mtatui-freshclam.timer",
    ]
    assert list(map(str, schedule.take(systemd, ours=False))) == [
        "systemctl daemon-reload",
        "systemctl stop mtatui-freshclam.timer",
        "systemctl start clamav-freshclam.service",
    ]
    assert list(map(str, schedule.take(init, ours=True))) == ["service clamav-freshclam stop"]

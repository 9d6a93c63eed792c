"""Runs freshclam at times that its own ``Checks`` cannot say: every seven minutes, every three weeks.

Under systemd a timer does it, and a drop-in keeps the daemon away while the timer is there: files alone say
how it is, so that to put them back puts everything back. Elsewhere cron does it, which knows whole minutes;
Debian's init script keeps the daemon away while ``/etc/cron.d/clamav-freshclam`` is there. Nothing of what a
person typed gets into these files but a number. Sources: systemd.timer(5), systemd.unit(5), crontab(5),
freshclam(1), Debian's ``/etc/init.d/clamav-freshclam``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Written
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Command

DAY = 86400
NAME = "mtatui-freshclam"
RUN = "/usr/bin/freshclam"
_MARK = "# Written by mtatui: freshclam runs every {} s. Change it with mtatui (filtering.update_frequency)."
_EVERY = re.compile(rb"^# Written by mtatui: freshclam runs every (\d+) s", re.MULTILINE)

_SERVICE = """\
{mark}
[Unit]
Description=Update of ClamAV's signatures

[Service]
Type=oneshot
ExecStart={run} --quiet --config-file={config}
"""
_TIMER = """\
{mark}
[Unit]
Description=Update of ClamAV's signatures, every {seconds} s

[Timer]
OnActiveSec=1s
OnUnitActiveSec={seconds}s
AccuracySec=1s
"""
#: What makes the timer start with the machine: a file, and not the link that ``systemctl enable`` makes.
_WANTED = "{mark}\n[Unit]\nWants=mtatui-freshclam.timer\n"
_AWAY = "{mark}\n[Unit]\nConditionPathExists=!{timer}\n"
#: What is a multiple of the interval since 1970 is the moment, whatever the calendar says. ``%`` is a line
#: break to cron.
_CRON = """\
{mark}
* * * * * root [ $(( $(date +\\%s) / 60 \\% {minutes} )) -eq 0 ] && {run} --quiet --config-file={config}
"""
#: Commands that say no by their exit status alone, and one whose no is no news.
_ANY = tuple(range(256))


def checks(seconds: int) -> int:
    """How often a day freshclam must look for that itself; 0 where it cannot hold the interval exactly."""
    return DAY // seconds if 0 < seconds <= DAY and DAY % seconds == 0 else 0


def paths(places: Places, unit: str) -> dict[str, str]:
    """Where our files are, by what they are for.

    Args:
        unit: what the daemon's own unit or init script is called.
    """
    systemd, cron = places.systemd[0], places.cron[0]
    return {
        "timer": f"{systemd}{NAME}.timer",
        "service": f"{systemd}{NAME}.service",
        "wanted": f"{systemd}timers.target.d/{NAME}.conf",
        "away": f"{systemd}{unit}.service.d/mtatui.conf",
        # Debian's init script looks for this one.
        "cron": f"{cron}{unit if unit == 'clamav-freshclam' else NAME}",
    }


def every(files: Iterable[bytes | None]) -> int:
    """The interval of ours that is in force, in seconds; 0 for none."""
    for data in files:
        if data is not None and (match := _EVERY.search(data)):
            return int(match[1])
    return 0


def written(manager: Manager, places: Places, unit: str, config: str, seconds: int) -> dict[str, Written]:
    """Our files for an interval; for 0 none of them.

    Raises:
        Refused: nobody here can hold that interval.
    """
    where = paths(places, unit)
    ours = dict.fromkeys(where.values(), Written(None))
    if not seconds:
        return ours
    if not re.fullmatch(r"/[A-Za-z0-9_./-]+", config):
        raise Refused(f"a timer cannot name {config}")
    fill = {"mark": _MARK.format(seconds), "run": RUN, "seconds": seconds, "config": config}
    fill["timer"] = where["timer"]
    if manager is Manager.SYSTEMD:
        texts = {"timer": _TIMER, "service": _SERVICE, "wanted": _WANTED, "away": _AWAY}
    elif seconds % 60:
        raise Refused("cron, which would run freshclam here, knows whole minutes only; systemd is not here")
    else:
        texts = {"cron": _CRON}
        fill["minutes"] = seconds // 60
    return ours | {where[name]: Written(_filled(text, fill).encode("ascii")) for name, text in texts.items()}


def _filled(text: str, fill: Mapping[str, object]) -> str:
    for name, value in fill.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def take(unit: Unit, *, ours: bool) -> tuple[Command, ...]:
    """What has the machine go by the files: ours, or freshclam's own daemon again."""
    daemon = [unit.command("stop"), unit.command("start")]
    if unit.manager is not Manager.SYSTEMD:
        return (daemon[0],) if ours else tuple(daemon)
    reread = Command(("systemctl", "daemon-reload"))
    if ours:
        return (reread, daemon[0], Command(("systemctl", "restart", f"{NAME}.timer")))
    # A timer whose file is gone still runs until it is stopped.
    return (reread, Command(("systemctl", "stop", f"{NAME}.timer"), statuses=_ANY), daemon[1])

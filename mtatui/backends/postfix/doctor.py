"""What mtatui finds on a server, and what to do about it: the checks behind ``mtatui doctor``.

Every check is one or two short commands, asks nothing that needs more rights than there are, and ends in a
`Finding` whatever happens. Nothing is changed.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from mtatui.backends.host import Host, HostError
from mtatui.backends.postfix.tools import Tools, explain
from mtatui.text import clean
from mtatui.text import size as as_size

#: Share of the queue's file system that may be used before it is worth a word, and an alarm.
CROWDED, FULL = 0.90, 0.98
#: smtpd(8) takes no mail while less than this many times message_size_limit is free.
ROOM_FOR_MESSAGES = 1.5
#: Seconds that a server's clock may be off before ages and retry times mislead.
CLOCK_SLACK = 5.0

#: Total, used, available, share, mount point: the second line of df(1) with -P.
_DF = re.compile(r"(\d+) +(\d+) +(-?\d+) +(?:\d+%|-) +/")


class Level(StrEnum):
    """How a finding bears on the person: all is well, good to know, look at it, does not work."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, what was found, and what to do ("" where nothing is)."""

    check: str
    level: Level
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether all is well with it; None where it is worth a look."""
        return {Level.WARNING: None, Level.BAD: False}.get(self.level, True)


async def examine(host: Host, tools: Tools, queue_directory: str) -> AsyncIterator[Finding]:
    """Look at a server whose Postfix is known, check by check; `Host.limits` are for the caller to tell."""
    checks: dict[str, Callable[[], Awaitable[Finding]]] = {
        "running": lambda: _running(tools),
        "rights": lambda: _rights(host, tools),
        "python": lambda: _python(host),
        "clock": lambda: _clock(host),
        "space": lambda: _space(host, tools, queue_directory),
        "files": lambda: _files(host, queue_directory),
    }
    if host.limits:
        del checks["python"]
    for name, check in checks.items():
        try:
            yield await check()
        except HostError as error:
            yield Finding(name, Level.BAD, str(error))


async def _running(tools: Tools) -> Finding:
    if await tools.status():
        return Finding("running", Level.OK, "Postfix is running")
    argv = tools.argv("postfix", "start")
    systemd = " (or systemctl start postfix)" if len(argv) == 2 else ""  # that starts the default instance
    return Finding("running", Level.BAD, "Postfix is not running", f"Start it: {' '.join(argv)}{systemd}")


async def _rights(host: Host, tools: Tools) -> Finding:
    if host.superuser:
        how = "read-only (asked for)" if host.read_only else "everything can be seen and done"
        return Finding("rights", Level.OK, how)
    asked = await host.run(tools.argv("postqueue", "-j"), limit=4096)
    if asked.returncode != 0 and not asked.cut:
        error = explain(asked, host.name)
        advice = "Add this user to authorized_mailq_users, or run mtatui as root."
        return Finding("rights", Level.BAD, str(error), advice if "mailq_users" in str(error) else "")
    if host.limits:
        return Finding("rights", Level.OK, "the queue can be looked at")
    return Finding(
        "rights",
        Level.NOTE,
        "the queue can be looked at; to change it takes root",
        'Run mtatui as root, or let it use sudo (README, "Without root").',
    )


async def _python(host: Host) -> Finding:
    completed = await host.run(["python3", "-V"])
    version = clean(completed.stdout.decode("utf-8", "replace").strip())
    numbers = [int(n) for n in version.partition(" ")[2].split(".")[:2] if n.isdigit()]
    if numbers >= [3, 6]:
        return Finding("python", Level.OK, f"{version}: the spool reader can run")
    return Finding(
        "python",
        Level.WARNING,
        f"{version or 'no python3'}: the spool reader needs 3.6",
        "Install a newer python3 on the server; until then the queue comes from postqueue -j.",
    )


async def _clock(host: Host) -> Finding:
    before = time.time()
    completed = await host.run(["date", "+%s"])
    after = time.time()
    there = float(completed.stdout)
    off = max(before - 1 - there, there - after, 0.0)
    if off <= CLOCK_SLACK:
        return Finding("clock", Level.OK, time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(there)))
    return Finding(
        "clock",
        Level.WARNING,
        f"the server's clock and this one differ by {off:.0f} seconds",
        "Ages and retry times mislead by as much. Is time synchronisation running on both?",
    )


async def _space(host: Host, tools: Tools, queue_directory: str) -> Finding:
    total, free = await _df(host, "-Pk", queue_directory)
    limit = int((await tools.parameters("message_size_limit")).get("message_size_limit", "0"))
    found = f"{as_size(free * 1024)} of {as_size(total * 1024)} are free"
    if limit and free * 1024 < ROOM_FOR_MESSAGES * limit:
        return Finding(
            "space",
            Level.BAD,
            f"{found}: Postfix turns mail away",
            f"Make room there: a message may have {as_size(limit)} (message_size_limit).",
        )
    return _crowded("space", found, 1 - free / total)


async def _files(host: Host, queue_directory: str) -> Finding:
    total, free = await _df(host, "-Pi", queue_directory)
    if total == 0:  # btrfs and its like make inodes as they need them
        return Finding("files", Level.OK, "the file system does not limit the number of files")
    return _crowded("files", f"{free:,} of {total:,} files can still be made", 1 - free / total)


def _crowded(check: str, found: str, used: float) -> Finding:
    level = Level.BAD if used > FULL else Level.WARNING if used > CROWDED else Level.OK
    return Finding(
        check, level, found, "" if level is Level.OK else "Make room in the file system of the queue."
    )


async def _df(host: Host, options: str, path: str) -> tuple[int, int]:
    """What df(1) says of the file system that a path lies in: total and available."""
    completed = await host.run(["df", options, path])
    figures = _DF.search(completed.stdout.decode("utf-8", "replace"))
    if figures is None:
        raise HostError(f"df did not say how full {path} is: {completed.errors or 'no figures'}")
    return int(figures[1]), int(figures[3])

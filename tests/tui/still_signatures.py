"""Signatures that stand still: databases of a server that is none, for pictures and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mtatui.backends.filters.databases import Databases
from mtatui.backends.filters.databases_read import Attempt, Database, State, Tested, Updated
from mtatui.backends.host_local import LocalHost

#: Sunday 22 November 2026, 15:20:00 UTC.
NOW = 1795360800
_HOUR, _MEGA = 3600, 1048576

STATE = State(
    NOW,
    "/var/lib/clamav",
    (
        Database("bytecode.cvd", 275 * 1024, NOW - 9 * _HOUR, 339, NOW - 900 * 24 * _HOUR, 80),
        Database("daily.cld", 61 * _MEGA, NOW - 2 * _HOUR, 28188, NOW - 4 * _HOUR, 2077881),
        Database("main.cvd", 162 * _MEGA, NOW - 9 * _HOUR, 63, NOW - 400 * 24 * _HOUR, 6647427),
        Database("local.ldb", 2048, NOW - 30 * 24 * _HOUR, count=12, own=True),
        Database("ours.ndb", 0, NOW - _HOUR, own=True, trouble="it is empty"),
    ),
    engine="1.4.6",
    loaded=28188,
    attempt=Attempt(NOW - 2 * _HOUR, True, "daily.cld updated (version: 28188)"),
)
#: The mirrors have had enough, and the version is an old one.
BLOCKED = replace(
    STATE,
    engine="1.0.9",
    loaded=28187,
    attempt=Attempt(NOW - 600, False, "Forbidden; Blocked by CDN"),
    cool_down=NOW + 20 * _HOUR,
    findings=(
        "ClamAV 1.0.9 is at its end of life since 2025-11-28: mirrors may refuse it at any time. Upgrade it; "
        "until then every update may be the last.",
        "The mirrors want to be left alone until 23 Nov 11:20: they were asked too often.",
        "clamd still works with version 28187 of them: mtatui service reload clamd.",
        "The last update failed: Forbidden; Blocked by CDN.",
    ),
)


class StillDatabases(Databases):
    """What there is stands in `now`; an update says its lines, and then waits where it is held."""

    def __init__(self, host: LocalHost) -> None:
        super().__init__(host)
        self.now = STATE
        self.trouble: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.tested: list[str] = []

    async def state(self) -> State:
        if self.trouble is not None:
            raise self.trouble
        return self.now

    async def update(
        self, progress: Callable[[str], None] = lambda line: None, cancel: asyncio.Event | None = None
    ) -> Updated:
        if self.trouble is not None:
            raise self.trouble
        progress("ClamAV update process started at Sun Nov 22 15:20:00 2026")
        progress("daily database available for update (local version: 28188, remote version: 28189)")
        if self.hold is not None:
            assert cancel is not None
            waits = [asyncio.ensure_future(one.wait()) for one in (self.hold, cancel)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if cancel.is_set():
                return Updated(False, "Stopped; the old signatures are in place.", self.now, ())
        progress("daily.cld updated (version: 28189, sigs: 2077990)")
        old = self.now.databases
        daily = replace(old[1], version=28189, count=2077990, built=NOW, changed=NOW)
        self.now = replace(self.now, databases=(old[0], daily, *old[2:]))
        return Updated(True, "New: daily.cld 28189 (61 M).", self.now, ("freshclam",))

    async def test(self, source: str) -> Tested:
        self.tested.append(source)
        ok = "database.clamav.net" in source
        text = "answers; its daily signatures: version 28189" if ok else f"{source} answers 404: not there"
        return Tested(ok, text)

    async def check(self, path: str) -> Tested:
        self.tested.append(path)
        if path.endswith("ours.ndb"):
            return Tested(False, "ours.ndb is no database that clamd could load: Malformed database")
        return Tested(True, f"{path.rpartition('/')[2]} loads: 12 signatures", 12)

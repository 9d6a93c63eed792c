"""Three servers whose settings stand still, each with its own, for pictures and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.history import Entry
from mtatui.backends.host import HostError
from mtatui.fleet import Fleet
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused, Trial
from mtatui.settings.plan import Plan
from tests.tui.still import StillServer, rows
from tests.tui.still_fleet import named
from tests.tui.still_settings import NOW, StillConfiguration

HELO = "inbound.smtpd_helo_required"
SENDER = "inbound.reject_unknown_sender_domain"
SIZE = "outbound.message_size_limit"


class OneOfMany(StillConfiguration):
    """The configuration of a server with a name."""

    def __init__(self, name: str, said: Mapping[str, Any]) -> None:
        super().__init__()
        self.called = name
        self.refuses = ""
        for key, value in said.items():
            self.values[key] = replace(self.values[key], value=value, explicit=True, where="main.cf, line 9")

    async def read(self, *, filters: bool = True, ask_history: bool = False) -> Reading:
        return replace(await super().read(filters=filters), server=self.called)

    def plan(self, reading: Reading, changes: Mapping[str, Any]) -> Plan:
        if self.refuses:
            raise Refused(self.refuses)
        wanted = {key: value for key, value in changes.items() if value != self.values[key].value}
        made = replace(super().plan(reading, wanted), server=self.called)
        return made if wanted else replace(made, edits=())

    async def apply(
        self,
        plan: Plan,
        *,
        confirm_within: float | None = None,
        progress: Callable[[Step], None] = lambda step: None,
        cancel: asyncio.Event | None = None,
    ) -> Applied:
        if plan.undoes:
            self.values = self._before
            return Applied(Ending.APPLIED, "It is back.", "back")
        return await super().apply(plan, confirm_within=confirm_within, progress=progress, cancel=cancel)

    async def entry(self, id: str) -> Entry:
        return self.entries[0]


SAID: dict[str, dict[str, Any]] = {
    "mx1": {},
    "mx2": {SENDER: Trial.TRIAL, "outbound.myhostname": "mx2.example.test"},
    "mx3": {HELO: False, SIZE: 52428800, "outbound.myhostname": "mx3.example.test"},
}


def many(*more: str, trouble: Mapping[str, HostError] | None = None) -> Fleet:
    """Servers that agree in most; ``more`` are like the first one."""
    servers = []
    for name in (*SAID, *more):
        server = named(name, StillServer(rows(2)))
        server.configuration = OneOfMany(name, SAID.get(name, {}))
        server.configuration.trouble = (trouble or {}).get(name)
        servers.append(server)
    return Fleet(servers)


def configuration(fleet: Fleet, name: str) -> OneOfMany:
    """That of one of them."""
    found = fleet.server(name).configuration
    assert isinstance(found, OneOfMany)
    return found


__all__ = ["HELO", "NOW", "SENDER", "SIZE", "OneOfMany", "configuration", "many"]

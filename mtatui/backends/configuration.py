"""The configuration of one server: read, planned, applied, and what was done to it.

Both faces stand on this. Reading gives a `Reading`; changes over it become a `Plan`, in which nothing has
been touched; applying goes through one program on the server (`mtatui.backends.applying`), which also keeps
the history.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mtatui.backends import applying, history, planning, undoing
from mtatui.backends.applying import Applied
from mtatui.backends.filters.places import Places
from mtatui.backends.history import Entry
from mtatui.backends.host import File, Host, Missing
from mtatui.backends.journal import user
from mtatui.backends.postfix import dnsbl, lint, tables
from mtatui.backends.postfix import reading as postfix
from mtatui.backends.postfix.dnsbl import ZoneTest
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.backends.postfix.tools import Tools
from mtatui.backends.transaction.room import HOME
from mtatui.settings.current import Finding, Reading
from mtatui.settings.plan import Plan

if TYPE_CHECKING:
    from mtatui.backends.filters.reading import Filters


class Configuration:
    """What is set on one server."""

    def __init__(
        self,
        host: Host,
        config_directory: str | None = None,
        name: str = "",
        filter_places: Places | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            config_directory: None for the one that Postfix takes by itself.
            name: what the user calls the server; else it is what it calls itself.
            filter_places: where the files of the filters may be; None for where distributions have them.
        """
        self.host = host
        self._filter_places = filter_places or Places()
        self._name = name
        self._config_directory = config_directory
        self._places: tuple[str, str] | None = None
        self._left: dict[str, str | None] | None = None
        """The digests of files as the history says we left them, when it was asked last; None: never."""

    @property
    def name(self) -> str:
        """What the server is called."""
        return self._name or self.host.name

    def why_not(self) -> str:
        """Why nothing can be changed here; "" where it can."""
        if self.host.read_only:
            return f"{self.name} is open read-only"
        if self.host.limits:
            return self.host.limits
        if not self.host.superuser:
            return "only root may do that: run mtatui as root, or with sudo (README)"
        return ""

    # -- what is set -----------------------------------------------------------------------------------------

    async def read(self, *, filters: bool = True, ask_history: bool = False) -> Reading:
        """Everything that is set now, and what is wrong with it.

        Args:
            filters: read the filters beside Postfix, too, whose settings are not in it else: amavis works its
                own configuration out, which takes half a second.
            ask_history: find out which files were changed by hand, even if the history was never asked for:
                starting its program takes longer than all the rest.

        Raises:
            HostError: there is no Postfix or no main.cf, or it may not be read.
        """
        begun = time.monotonic()
        source, beside = await asyncio.gather(
            postfix.read(
                self.host, self._config_directory, own=tables.TYPES, looked_into=("smtp_sasl_password_maps",)
            ),
            self._filters(filters),
        )
        source = replace(source, filters=beside)
        self._places = source.queue_directory, source.effective("maillog_file")
        reading = Reading(
            server=self._name or source.effective("myhostname"),
            at=time.time(),
            current=planning.current(source),
            findings=tuple(_findings(source)),
            changed_outside=await self._changed_outside(source, ask_history),
            source=source,
        )
        return replace(reading, cost=time.monotonic() - begun)

    async def _filters(
        self, wanted: bool, otherwise: Mapping[str, bytes | None] | None = None
    ) -> Filters | None:
        """The filters, if they are wanted.

        Args:
            otherwise: the bytes of files that are taken to be something else than they are.
        """
        if not wanted:
            return None
        # Not at the top: who reads Postfix only does without.
        from mtatui.backends.filters.overlay import Overlay
        from mtatui.backends.filters.reading import read

        return await read(Overlay(self.host, otherwise) if otherwise else self.host, self._filter_places)

    async def _changed_outside(self, source: PostfixReading, ask: bool) -> tuple[str, ...]:
        """The files that differ from what our last entry left behind."""
        if self._left is None and not ask:
            return ()
        changed = _differ(source, self._left or {})
        if (changed or not self._left) and await self._has_history(source):
            # What we know may be old: another admin's entry is in the history, too.
            await self.history()
            changed = _differ(source, self._left or {})
        return changed

    async def _has_history(self, source: PostfixReading) -> bool:
        """Whether there is one, and we may read it: a look is cheaper than to start a program for nothing."""
        home = f"{source.queue_directory}/{HOME}"
        return self.host.superuser and not isinstance(
            (await self.host.files([home], contents=False))[home], Missing
        )

    # -- changing it -----------------------------------------------------------------------------------------

    def plan(self, reading: Reading, changes: Mapping[str, Any]) -> Plan:
        """What changes would do. Nothing is touched, nothing is asked.

        Args:
            changes: new values by setting key; what is so already, is no change.

        Raises:
            Refused: something cannot be, in words.
        """
        return planning.plan(reading, changes)

    async def apply(
        self,
        plan: Plan,
        *,
        confirm_within: float | None = None,
        progress: applying.Progress = lambda step: None,
        cancel: asyncio.Event | None = None,
    ) -> Applied:
        """Apply a plan. Cancelled, by the event or as a task, it takes back what it has done.

        Args:
            confirm_within: seconds after which it is taken back unless it is confirmed.
            progress: hears each step as it begins and ends.

        Raises:
            ReadOnly, NotPermitted, HostError: it could not even be begun.
        """
        queue, log = await self._where()
        return await applying.apply(
            self.host,
            queue,
            plan,
            who=user(),
            confirm_within=confirm_within,
            progress=progress,
            cancel=cancel,
            log=log,
        )

    async def confirm(self, id: str) -> Entry:
        """Keep a change that waits to be confirmed.

        Raises:
            HostError: it waits no more, in words.
        """
        return await history.confirm(self.host, (await self._where())[0], id, who=user())

    async def roll_back(self, id: str, progress: applying.Progress = lambda step: None) -> Applied:
        """Take back a change that waits to be confirmed, now.

        Raises:
            HostError: it does not wait, in words.
        """
        return await applying.roll_back(
            self.host, (await self._where())[0], id, who=user(), progress=progress
        )

    # -- what was done ---------------------------------------------------------------------------------------

    async def history(self, limit: int = 200) -> list[Entry]:
        """The last changes, the last first, by whomever.

        Raises:
            HostError: they cannot be read: only root may.
        """
        entries = await history.entries(self.host, (await self._where())[0], limit)
        self._left = history.left_by_us(entries)
        return entries

    async def entry(self, id: str) -> Entry:
        """One of them.

        Raises:
            HostError: there is none of this ID.
        """
        return await history.entry(self.host, (await self._where())[0], id)

    async def undo_plan(self, entry: Entry) -> Plan:
        """A plan that takes back what an entry did: its very bytes where its files are as it left them; else
        its settings, so that what was changed later stays.

        Raises:
            Refused: it cannot be taken back, in words.
            HostError: the server does not answer, or the entry is gone.
        """
        reading = await self.read()
        before = await history.material(self.host, (await self._where())[0], entry.id)
        files = await self.host.files(before)
        own = undoing.of_postfix(reading.source)
        beside = {path: data for path, data in before.items() if path not in own}
        filters = await self._filters(bool(beside), beside)
        return undoing.plan(reading, entry, before, files, filters)

    async def settle(self) -> list[Entry]:
        """Take back what was interrupted (a reboot, a killed guard): those entries; none where we may not.

        Raises:
            HostError: that cannot be done, in words.
        """
        if self.why_not():
            return []
        return await history.settle(self.host, (await self._where())[0], who=user())

    async def test_zone(self, zone: str) -> ZoneTest:
        """Try a block list through the server's own resolver: it lists what it must, and nothing else.

        Raises:
            HostError: the server does not answer.
        """
        return await dnsbl.test_zone(self.host, zone)

    async def _where(self) -> tuple[str, str]:
        """The queue directory, and the log file where Postfix writes its own."""
        if self._places is None:
            found = await Tools(self.host, self._config_directory).parameters(
                "queue_directory", "maillog_file"
            )
            if not found.get("queue_directory"):
                raise Missing(f"There is no working Postfix on {self.host.name}.")
            self._places = found["queue_directory"], found.get("maillog_file", "")
        return self._places


def _findings(source: PostfixReading) -> Iterator[Finding]:
    """What is wrong with it: Postfix, and the filters beside it where they were read."""
    yield from source.derived("findings", lint.findings)
    for component in source.filters.components() if source.filters is not None else ():
        yield from component.findings(source)


def _differ(source: PostfixReading, left: Mapping[str, str | None]) -> tuple[str, ...]:
    """The files that are not as they were left."""
    files = {**(source.filters.files if source.filters is not None else {}), **source.files}
    return tuple(
        path
        for path, digest in left.items()
        if path in files and (file.tag.digest if isinstance(file := files[path], File) else None) != digest
    )

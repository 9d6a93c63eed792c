"""The services of one mail server: what is configured, what runs, and what answers; three facts each.

Read through the host by one small program (`mtatui.backends.looking`) that knows the standard library only,
so that it runs under sudo and on other machines as it does here. What runs is read from /proc by that program
and not by psutil, which would have to be installed on every server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtatui.backends import looking
from mtatui.backends.filters.manager import Manager, Unit, find
from mtatui.backends.filters.places import Places
from mtatui.backends.host import WATCH, File, Host, HostError, Missing
from mtatui.backends.postfix import reading as postfix
from mtatui.backends.postfix.tools import Tools
from mtatui.backends.services.found import (
    DKIM,
    MILTER,
    SIGNATURES,
    Ask,
    Declared,
    declared,
    files_of,
)
from mtatui.text import clean

_PLACES = Places()

#: Seconds that a service has for its answer.
PATIENCE = 2.0
#: Seconds until what was started or stopped must have come to rest, and between two looks at it.
SETTLE, LOOK_PACE = 15.0, 0.4
#: Seconds that systemctl may take: some daemons stop slowly.
LONG = 120.0

_PROGRAM = f"{os.path.dirname(os.path.abspath(looking.__file__))}/__main__.py"


@dataclass(frozen=True, slots=True)
class Running:
    """The process of a service. What this user may not see is 0 or ""."""

    pid: int
    since: float
    memory: int
    """Bytes, with all its children."""
    unit: str
    """The unit of systemd that runs it."""
    stopped: bool = False
    """It stands still, because somebody sent it SIGSTOP."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service, and what was seen of it."""

    id: str
    role: str
    where: str
    """Where it is configured; "" where it is not."""
    runs: bool | None = None
    """None: nobody can tell from here (it is on another machine), or it is not configured."""
    running: Running | None = None
    within: str = ""
    """The service in which it runs."""
    answering: bool | None = None
    """None: there is nothing to be asked, or it was not asked."""
    said: str = ""
    """What it answered, or why it does not, in words."""
    advice: str = ""
    """What to do about it."""
    units: tuple[str, ...] = ()

    @property
    def configured(self) -> bool:
        """Whether anything in the configuration counts on it."""
        return bool(self.where)

    @property
    def well(self) -> bool:
        """Whether it does what the configuration counts on."""
        return not self.configured or (self.runs is not False and self.answering is not False)


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of starting, stopping, restarting, reloading."""

    service: Service
    """As it is afterwards."""
    ok: bool
    text: str
    commands: tuple[str, ...]


class Refused(HostError):
    """That cannot be done to this service here: in words."""

    exit_code = 3


class Services:
    """The services of one server."""

    def __init__(
        self,
        host: Host,
        config_directory: str | None = None,
        places: Places = _PLACES,
    ) -> None:
        """Nothing is started yet.

        Args:
            config_directory: Postfix's; None for the one that it takes by itself.
            places: where the files of the daemons may be, and those of who manages them.
        """
        self.host = host
        self._config_directory = config_directory
        self._places = places
        self._files = files_of(places)
        self._declared: list[Declared] = []
        self._seen_files: dict[str, object] = {}
        self._systemd = False
        self._scripts: dict[str, Unit] = {}
        """Those that init scripts start and stop, by id, where systemd does not."""

    # -- looking ---------------------------------------------------------------------------------------------

    async def look(self) -> list[Service]:
        """Everything about all services; within a few seconds, whatever hangs.

        Raises:
            HostError: there is no Postfix, or its configuration may not be read.
        """
        self._declared = await self._read()
        found = await self._ask(self._declared, memory=True)
        return [_for(service, found) for service in found]

    async def watch(self) -> list[Service]:
        """What is configured and has a process of its own: whether it runs. Nobody is asked anything, and no
        root is needed: it is quiet and cheap.

        Raises:
            HostError: as for `look`.
        """
        if not self._declared or await self._tags() != self._seen_files:
            self._declared = await self._read()
        configured = [one for one in self._declared if one.where and not one.within]
        return await self._ask(configured, memory=False, quietly=True)

    async def _read(self) -> list[Declared]:
        reading, (manager, units) = await asyncio.gather(
            postfix.read(self.host, self._config_directory), find(self.host, self._places)
        )
        self._scripts = units if manager is Manager.SYSV else {}
        paths = {path for paths in self._files.values() for path in paths}
        there = await self.host.files(paths)
        files = {
            name: (path, there[path])
            for name, paths in self._files.items()
            for path in paths[::-1]
            if not isinstance(there[path], Missing)
        }
        self._seen_files = dict.fromkeys([reading.main_path, reading.master_path, *paths])
        self._seen_files = await self._tags()
        return await asyncio.to_thread(declared, reading, files)

    async def _tags(self) -> dict[str, object]:
        files = await self.host.files(self._seen_files, contents=False)
        return {
            path: (file.tag.inode, file.tag.mtime_ns) if isinstance(file, File) else type(file)
            for path, file in files.items()
        }

    async def _ask(
        self, services: Sequence[Declared], *, memory: bool, quietly: bool = False
    ) -> list[Service]:
        request = {
            "patience": PATIENCE,
            "memory": memory,
            "services": [_asked(one, quietly) for one in services if one.where],
        }
        completed = await self.host.run(
            # sudo would write each look into its log: what is looked at again and again is looked at as is.
            ["env", *argv()] if quietly else argv(),
            input=json.dumps(request).encode("ascii"),
            timeout=PATIENCE * 5,
            note=WATCH if quietly else "which services run, and which answer",
        )
        try:
            seen = json.loads(completed.stdout)
        except ValueError as error:
            why = completed.errors.rpartition("\n")[2] or "it said nothing"
            raise HostError(f"{self.host.name} could not be looked at: {why}") from error
        self._systemd = seen["systemd"]
        return [_seen(one, seen["services"].get(one.id)) for one in services]

    # -- acting ----------------------------------------------------------------------------------------------

    def why_not(self, service: Service) -> str:
        """Why nothing can be done to a service here; "" where something can."""
        if self.host.read_only:
            return f"{self.host.name} is open read-only"
        if not self.host.superuser:
            return "only root may do that: run mtatui as root, or with sudo (README)"
        if not service.configured:
            return "it is not configured"
        if service.within:
            return f"it runs within {service.within}: do that to {service.within}"
        if service.id != "postfix" and service.runs is None:
            return "it is on another machine"
        if service.id != "postfix" and not self._systemd and self._script(service) is None:
            return "neither systemd nor an init script manages it here: nobody knows how it was started"
        return ""

    async def act(self, service: Service, deed: str) -> Acted:
        """Start, stop, restart or reload a service, and see what came of it.

        Raises:
            Refused: that cannot be done here.
            HostError: it could not even be tried.
        """
        if why := self.why_not(service):
            raise Refused(f"{deed} {service.id}: {why}.")
        commands = await self._commands(service, deed)
        for command in commands:
            completed = await self.host.run(command, changes=True, timeout=LONG)
            if completed.returncode != 0 and not (deed == "restart" and command[-1] == "stop"):
                after = await self._now(service)
                said = completed.errors or f"exit code {completed.returncode}"
                return Acted(after, False, f"{' '.join(command)} failed: {said}", _told(commands))
        after = await self._settled(service, deed)
        if deed == "stop":
            ok = after.runs is False
            text = f"{after.id} is stopped" if ok else f"{after.id} still runs"
        else:
            ok = after.well
            text = f"{after.id} {_DONE[deed]}" if ok else f"{after.id}: {after.said}"
        return Acted(after, ok, text, _told(commands))

    async def _commands(self, service: Service, deed: str) -> list[list[str]]:
        if service.id == "postfix":
            tools = Tools(self.host, self._config_directory)
            deeds = ("stop", "start") if deed == "restart" else (deed,)
            return [tools.argv("postfix", one) for one in deeds]
        script = None if self._systemd else self._script(service)
        if script is not None:
            return [[*script.command(deed).argv]]
        return [["systemctl", deed, await self._unit(service)]]

    def _script(self, service: Service) -> Unit | None:
        """The init script of a service, if it is the one that the script would start."""
        standard = any(one.id == service.id and one.standard for one in self._declared)
        return self._scripts.get(service.id) if standard else None

    async def _unit(self, service: Service) -> str:
        if service.running is not None and service.running.unit:
            return service.running.unit
        asked = await self.host.run(
            ["systemctl", "show", "-p", "Id", "-p", "LoadState", "--", *service.units]
        )
        for block in asked.stdout.decode("utf-8", "replace").split("\n\n"):
            said = dict(line.partition("=")[::2] for line in block.splitlines())
            if said.get("LoadState") == "loaded":
                return said["Id"]
        known = " or ".join(service.units) or "any name that is known here"
        raise Refused(f"systemd has no unit for {service.id}: not under {known}.")

    async def _settled(self, service: Service, deed: str) -> Service:
        """The service once it is as it should be, or when that takes too long."""
        until = time.monotonic() + SETTLE
        while True:
            after = await self._now(service)
            if (after.runs is False) if deed == "stop" else after.well:
                return after
            if time.monotonic() > until:
                return after
            await asyncio.sleep(LOOK_PACE)

    async def _now(self, service: Service) -> Service:
        found = await self._ask([one for one in self._declared if one.id == service.id], memory=True)
        return found[0]


def down(services: Iterable[Service]) -> tuple[str, ...]:
    """The ids of those that should run, and do not."""
    return tuple(service.id for service in services if service.runs is False)


def argv() -> list[str]:
    """The command that looks."""
    return [sys.executable, "-I", "-S", _PROGRAM]


_DONE = {"start": "is started and answers", "restart": "is restarted and answers", "reload": "is reloaded"}


def _told(commands: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(" ".join(command) for command in commands)


def _asked(one: Declared, quietly: bool) -> dict[str, Any]:
    """A service, as the program wants to be asked about it."""
    asks = [] if quietly else one.asks
    return {
        "id": one.id,
        "places": list(one.listens) if not one.within else [],
        "pid_files": one.pid_files,
        "names": one.names,
        "config": one.config,
        "flags": one.flags,
        "standard": one.standard,
        "asks": [{"protocol": ask.protocol, "place": ask.place, "tls": ask.tls} for ask in asks],
    }


def _seen(one: Declared, seen: Mapping[str, Any] | None) -> Service:
    """What the program saw of a service."""
    service = Service(one.id, one.role, clean(one.where), within=one.within, units=one.units)
    if seen is None:
        return replace(service, said="not configured", advice=one.missing)
    found = seen["running"]
    running = None
    if found is not None:
        running = Running(
            found["pid"], found["since"], found["memory"], clean(found["unit"]), found["state"] in ("T", "t")
        )
    runs = None if one.within or not seen["local"] else running is not None
    asks, answers = one.asks[: len(seen["answers"])], seen["answers"]
    answering = all(answer["ok"] for answer in answers) if answers else None
    service = replace(service, runs=runs, running=running if runs else None, answering=answering)
    return replace(service, said=_words(service, asks, answers), advice=_advice(service))


def _words(service: Service, asks: Sequence[Ask], answers: Sequence[Mapping[str, Any]]) -> str:
    wrong = [
        f"{ask.name}: {clean(answer['text'])}"
        for ask, answer in zip(asks, answers, strict=True)
        if not answer["ok"]
    ]
    if service.runs is False:
        return "not running" + (f"; {wrong[0]}" if wrong else "")
    if service.running is not None and service.running.stopped:
        return f"process {service.running.pid} stands still (SIGSTOP)" + (f"; {wrong[0]}" if wrong else "")
    if wrong:
        return "; ".join(wrong)
    if not answers:
        return "it takes no questions"
    return "; ".join(dict.fromkeys(clean(answer["text"]) for answer in answers))


def _advice(service: Service) -> str:
    if service.well:
        return ""
    if service.runs is False:
        grows = " Until then its signatures grow old." if service.role == SIGNATURES else ""
        return f"Start it: mtatui service start {service.id}; its own log says why it ended.{grows}"
    if service.running is not None and service.running.stopped:
        return f"Let it go on (kill -CONT {service.running.pid}), or restart it."
    if service.runs is None:
        return "Is the other machine up, and may it be reached from here?"
    return "Its own log says why; a restart often helps. A daemon that has just started may still be loading."


def _for(service: Service, found: Sequence[Service]) -> Service:
    """A service, told with regard to the others: what it runs in is down, or what it waits for."""
    postfix = next(one for one in found if one.id == "postfix")
    if service.within == "postfix" and postfix.runs is False:
        return replace(service, answering=False, said="Postfix is not running", advice="Start Postfix.")
    # smtpd(8) connects to its milters before it greets.
    hung = [one.id for one in found if one.role in (MILTER, DKIM) and one.runs and one.answering is False]
    if "postfix" in (service.id, service.within) and not service.well and hung:
        return replace(service, advice=f"It waits for {' and '.join(hung)}: mend that first.")
    return service

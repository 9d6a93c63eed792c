"""A server whose settings are a table in memory: what the faces stand on, without a Postfix."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.history import Entry, FileChange
from mtatui.backends.host import CommandLog
from mtatui.cli.guard import guarded
from mtatui.cli.main import root
from mtatui.fleet import Fleet
from mtatui.server import Server
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Finding, Override, Reading
from mtatui.settings.kinds import (
    Bytes,
    Kind,
    Refused,
)
from mtatui.settings.plan import Caution, Change, Command, Edit, Plan

PATH = "/etc/postfix/main.cf"
OLD, NEW = b"myhostname = mx1.example.com\n", b"myhostname = mx2.example.com\n"


def empty(kind: Kind) -> Any:
    """What a setting of this kind is where nobody has said anything."""
    return 10240000 if isinstance(kind, Bytes) else kind.empty


def reading(server: str = "mx1", /, **said: Any) -> Reading:
    """A reading in which these settings (``page__name``) are said, and all others are their defaults."""
    current = {key: Current(empty(setting.kind), empty(setting.kind)) for key, setting in ALL.items()}
    for name, value in said.items():
        key = name.replace("__", ".", 1)
        current[key] = replace(current[key], value=value, explicit=True, where="main.cf, line 7")
    return Reading(server, 1_800_000_000.0, current)


@dataclass
class FakeConfiguration:
    """`mtatui.backends.configuration.Configuration`, as far as the faces see it."""

    now: Reading
    why: str = ""
    cautions: tuple[Caution, ...] = ()
    ending: Ending = Ending.APPLIED
    applied: list[tuple[Plan, float | None]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    planned: dict[str, Any] = field(default_factory=dict)
    refuses: str = ""
    versions: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    interrupted: list[Entry] = field(default_factory=list)

    def why_not(self) -> str:
        return self.why

    async def read(self, *, filters: bool = True, ask_history: bool = False) -> Reading:
        return self.now

    def plan(self, reading: Reading, changes: Mapping[str, Any]) -> Plan:
        if self.refuses:
            raise Refused(self.refuses)
        self.planned = {key: new for key, new in changes.items() if new != reading.current[key].value}
        made = tuple(
            Change(
                key, ALL[key].label, ALL[key].kind.show(reading.current[key].value), ALL[key].kind.show(new)
            )
            for key, new in self.planned.items()
        )
        if not made:
            return Plan(reading.server, (), (), (), "/etc/postfix")
        return Plan(
            reading.server,
            made,
            ("It means something.",),
            (Edit(PATH, OLD, NEW),),
            "/etc/postfix",
            checks=(Command(("postfix", "-c", "{stage}", "check")),),
            reload=(Command(("postfix", "reload")),),
            cautions=self.cautions,
        )

    async def apply(
        self, plan: Plan, *, confirm_within: float | None = None, progress: Any = None, cancel: Any = None
    ) -> Applied:
        self.applied.append((plan, confirm_within))
        progress(Step("lock", "begins"))
        progress(Step("lock", "done", "nobody else is at it"))
        until = time.time() + confirm_within if confirm_within else None
        ending = Ending.AWAITING if until else self.ending
        return Applied(ending, f"It is {ending}.", "261122-201500-sabc", (), until, self.versions)

    async def history(self, limit: int = 200) -> list[Entry]:
        return self.entries[:limit]

    async def undo_plan(self, entry: Entry) -> Plan:
        return replace(self.plan(self.now, {"inbound.smtpd_helo_required": True}), undoes=entry.id)

    async def confirm(self, id: str) -> Entry:
        return replace(next(e for e in self.entries if e.id == id), outcome=Ending.APPLIED, until=None)

    async def roll_back(self, id: str) -> Applied:
        return Applied(Ending.ROLLED_BACK, "It is back.", id)

    async def settle(self) -> list[Entry]:
        return self.interrupted


def entry(id: str, at: float, outcome: Ending | None = Ending.APPLIED, **more: Any) -> Entry:
    """An entry of the settings' history."""
    change = Change("inbound.smtpd_helo_required", "A greeting is required", "off", "on")
    return Entry(
        id, at, "ann", "mx1", ("It means something.",), (change,), ("postfix reload",), ("-old", "+new"),
        (FileChange(PATH, "0" * 64, "1" * 64),), outcome=outcome, **more,
    )  # fmt: skip


@dataclass
class FakeHost:
    """A host on which nothing runs."""

    name: str = "mx1"
    part_name: str = ""
    read_only: bool = False
    superuser: bool = True
    limits: str = ""
    log: CommandLog = field(default_factory=CommandLog)


@dataclass
class NoJournal:
    """A queue to which nothing was ever done."""

    found: list[Any] = field(default_factory=list)

    def entries(self) -> list[Any]:
        return self.found


@dataclass
class FakeServer:
    """`mtatui.server.Server`, as far as settings and history see it."""

    configuration: FakeConfiguration
    host: FakeHost = field(default_factory=FakeHost)
    journal: NoJournal = field(default_factory=NoJournal)
    name: str = "mx1"
    part_name: str = ""
    far: bool = False

    async def reached(self) -> None:
        """It is there."""

    async def settle(self) -> list[Any]:
        return []

    def close(self) -> None:
        """Nothing to let go of."""


OVERRIDE = Override("submission", "no", "master.cf, line 17")
OPEN_RELAY = Finding(
    "open-relay", "Anybody can send.", True, "inbound.reject_unauth_destination", "main.cf, line 3"
)
DUPLICATE = Finding("duplicate", "myhostname is said twice.", False, "", "main.cf, lines 3 and 9")


class Terminal(io.StringIO):
    """A keyboard."""

    def isatty(self) -> bool:
        return True


@dataclass
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Runs commands on a server; ``keys`` are typed on a terminal, ``stdin`` is piped in."""

    def __init__(
        self, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("mtatui.cli.gathering.open_fleet", lambda *_: Fleet([cast(Server, server)]))
        monkeypatch.setenv("COLUMNS", "200")  # whoever runs the tests may have said another width
        self._patch, self._said = monkeypatch.setattr, capsys.readouterr

    def __call__(self, *arguments: str, stdin: str | bytes = "", keys: str | None = None) -> Said:
        piped = io.TextIOWrapper(io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode()), "utf-8")
        self._patch("sys.stdin", piped if keys is None else Terminal(keys))
        self._patch("sys.stderr.isatty", lambda: keys is not None)
        code = guarded(lambda: root.main(list(arguments), "mtatui", standalone_mode=False))
        captured = self._said()
        return Said(code, captured.out, captured.err)

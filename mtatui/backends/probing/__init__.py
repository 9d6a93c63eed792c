"""A probe through the whole chain: six messages, sent as strangers send theirs, and followed to their ends.

They go through the server's own listener to a recipient that throws them away: the address of
double_bounce_sender (postconf(5)) in a domain of mydestination, which smtpd(8) takes though nobody lists it
and whatever its restrictions say (it is that of its own address probes), filters see, and qmgr(8) discards
without a word at the end. Where that would be somebody's mailbox (a catch-all in virtual_alias_maps), or no
domain is local, an address must be named.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mtatui.backends import chain
from mtatui.backends.configuration import Configuration
from mtatui.backends.filters.places import Places
from mtatui.backends.host import Host, HostError, Unreachable
from mtatui.backends.postfix.lists import words as words_of
from mtatui.backends.postfix.log import FILES
from mtatui.backends.postfix.probes import probes
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.backends.postfix.tools import Tools
from mtatui.backends.probing.letters import LABELS, Kind, Letter, letters
from mtatui.backends.probing.promises import Promise, promises, value
from mtatui.backends.probing.signer import find_signer
from mtatui.backends.probing.verdicts import Judged, Verdict, judge
from mtatui.backends.probing.words import PATIENCE, called, left
from mtatui.backends.probing.words import says as says_before
from mtatui.settings.current import Reading
from mtatui.settings.plan import Probe
from mtatui.text import clean

#: What may be an address that mail is sent to.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f.:]+\])"
)
#: Tables that send mail elsewhere before it comes to its end, or send copies.
_REWRITING = ("virtual_alias_maps", "canonical_maps", "recipient_canonical_maps")
_COPYING = ("recipient_bcc_maps",)
_BY_WHOLE_ADDRESS = ("regexp:", "pcre:")

_PROGRAM = f"{os.path.dirname(os.path.abspath(chain.__file__))}/__main__.py"


class Refused(HostError):
    """It is not done, and why, in words."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One message, and what is known of it so far."""

    kind: Kind
    promise: str
    about: str = ""
    state: str = "waits"
    """waits, sending, following, done, or left out."""
    happened: str = ""
    verdict: Verdict | None = None
    """None until it is done, and for what was left out."""
    message_id: str = ""
    queue_ids: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    """The lines of the logs about it."""

    @property
    def label(self) -> str:
        """What it is, for a person."""
        return LABELS[self.kind]


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What a probe will do."""

    recipient: str
    listener: Probe
    thrown_away: bool
    """Postfix throws away what comes to the recipient."""
    rows: tuple[Row, ...]
    says: tuple[str, ...]
    """What it will do, a sentence each: to be said before it is done."""
    reading: Reading = field(repr=False)
    letters: tuple[Letter, ...] = field(repr=False)
    promises: Mapping[Kind, Promise] = field(repr=False)
    copies: tuple[str, ...] = ()
    """Who gets a copy of all that is sent to the recipient."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a probe."""

    rows: tuple[Row, ...]
    left: tuple[str, ...]
    """What is left of it on the server, a sentence each."""
    stopped: str
    """Why not all were sent; "" where they were."""
    took: float

    @property
    def broken(self) -> bool:
        """Whether a promise was broken."""
        return any(row.verdict is Verdict.BROKEN for row in self.rows)

    @property
    def well(self) -> bool:
        """Whether mail goes through, and no promise was broken as far as can be told."""
        arrived = any(row.kind is Kind.CLEAN and row.verdict is Verdict.KEPT for row in self.rows)
        return arrived and not self.broken and not self.stopped


class Prober:
    """Sends probes through one server."""

    def __init__(self, host: Host, configuration: Configuration, config_directory: str | None = None) -> None:
        """Nothing is sent yet."""
        self.host = host
        self._configuration = configuration
        self._config_directory = config_directory
        self._tools = Tools(host, config_directory)

    def why_not(self) -> str:
        """Why nothing can be sent; "" where it can."""
        return self._configuration.why_not()

    async def plan(self, to: str = "") -> ProbePlan:
        """What a probe would do. Nothing is sent yet.

        Args:
            to: where to; "" for the address whose mail Postfix throws away.

        Raises:
            Refused: there is no such address, or ``to`` is none.
            HostError: the configuration cannot be read.
        """
        if why := self.why_not():
            raise Refused(f"No probe: {why}.")
        if to and not _ADDRESS.fullmatch(to):
            raise Refused(f"{clean(to)} is no address that a probe could be sent to.")
        reading = await self._configuration.read()
        source: PostfixReading = reading.source
        listener = _listener(source)
        recipient, copies = (to, ()) if to else await self._thrown_away(source)
        filters = source.filters
        amavis = filters.amavis if filters is not None else None
        signer, why_not = await find_signer(
            self.host,
            filters.places if filters is not None else Places(),
            amavis.dkim_keys if amavis is not None else (),
        )
        blocked = tuple(value(reading, "inbound.blocked_extensions") or ())
        always = tuple(value(reading, "filtering.always_signed_domains") or ())
        host = source.effective("myhostname")
        made = letters(
            secrets.token_hex(8),
            host,
            recipient,
            extension=_extension(blocked),
            signer=signer,
            pretended=always[0].replace("*", "probe")
            if always
            else f"forged.{signer.domain if signer else host}",
            why_not=why_not,
        )
        promised = promises(reading, {letter.kind: letter for letter in made})
        rows = tuple(
            Row(
                letter.kind,
                promised[letter.kind].text,
                letter.about,
                message_id=letter.message_id,
                **({} if letter.data else _left_out(letter.why_not)),
            )
            for letter in made
        )
        says = says_before(recipient, listener, not to, copies, made, reading)
        return ProbePlan(recipient, listener, not to, rows, says, reading, made, promised, copies)

    async def run(self, plan: ProbePlan, progress: Callable[[Row], None] = lambda row: None) -> Probed:
        """Send the messages of a plan and follow them. Cancelled, it removes what is still in the queue.

        Args:
            progress: hears each row whenever more is known of it.

        Raises:
            ReadOnly, HostError: it was not even begun, or the program on the server failed.
            Unreachable: the listener cannot be talked to.
        """
        begun = time.monotonic()
        told: dict[str, Mapping[str, Any]] = {}
        rows = {row.kind: row for row in plan.rows}

        def heard(line: bytes) -> None:
            if not line.startswith(b"{"):
                return
            said = json.loads(line)
            kind = Kind(said["letter"])
            rows[kind] = replace(rows[kind], state=said["state"])
            if said["state"] == "done":
                told[kind] = said
                rows[kind] = _judged(plan, kind, told, rows[kind])
            progress(rows[kind])

        completed = await self.host.run(
            argv(),
            changes=True,
            input=json.dumps(self._request(plan)).encode("ascii"),
            timeout=PATIENCE * 2 + 90,
            note=f"a probe through the whole chain to {plan.recipient}",
            on_stderr=heard,
        )
        try:
            report = json.loads(completed.stdout)
        except ValueError as error:
            why = completed.errors.rpartition("\n")[2] or "it said nothing"
            raise HostError(f"The probe on {self.host.name} failed: {why}") from error
        for kind, said in report["letters"].items():
            rows[Kind(kind)] = _judged(plan, Kind(kind), report["letters"], rows[Kind(kind)])
            if said["reply"]["stage"] == "connect" and kind == Kind.CLEAN:
                raise Unreachable(
                    f"{called(plan.listener)} cannot be talked to: {clean(said['reply']['text'])}."
                )
        if report["why_not"]:
            for kind, row in rows.items():
                if row.state == "waits":
                    rows[kind] = replace(row, **_left_out(report["why_not"]))
        return Probed(
            tuple(rows.values()),
            tuple(left(report, plan.recipient, plan.thrown_away, _quarantine(plan.reading.source))),
            report["why_not"],
            time.monotonic() - begun,
        )

    def _request(self, plan: ProbePlan) -> dict[str, Any]:
        source: PostfixReading = plan.reading.source
        amavis = source.filters.amavis if source.filters is not None else None
        own = [
            source.effective("maillog_file"),
            str(amavis.get("logfile") or "") if amavis is not None else "",
        ]
        return {
            "config": self._config_directory or "",
            "listener": {
                "address": plan.listener.address, "port": plan.listener.port, "tls": plan.listener.tls,
            },
            "sender": "",
            "recipient": plan.recipient,
            "thrown_away": plan.thrown_away,
            "copies": list(plan.copies),
            "patience": PATIENCE,
            "logs": [name for name in dict.fromkeys([*own, *FILES]) if name[:1] == "/" and name[-2:] != ".1"],
            "journal": True,
            "letters": [
                {
                    "id": letter.kind.value,
                    "message_id": letter.message_id,
                    "data": base64.b64encode(letter.data).decode("ascii"),
                }
                for letter in plan.letters
                if letter.data
            ],
        }  # fmt: skip

    async def _thrown_away(self, source: PostfixReading) -> tuple[str, tuple[str, ...]]:
        """The address whose mail is thrown away, and who gets a copy of it.

        Raises:
            Refused: there is none; in words.
        """
        domains = _local_domains(source)
        if not domains:
            raise Refused(
                "No domain in mydestination is this server's own, so nothing can be sent to nobody: "
                "name an address that may get the messages (--to)."
            )
        address = f"{source.effective('double_bounce_sender')}@{domains[0]}"
        elsewhere = await asyncio.gather(*(self._looked_up(source, name, address) for name in _REWRITING))
        for name, found in zip(_REWRITING, elsewhere, strict=True):
            if found:
                raise Refused(
                    f"{name} sends what is for {address} on to {clean(found)}, and a probe would arrive "
                    "there: name an address that may get the messages (--to)."
                )
        copied = [source.effective("always_bcc")]
        copied += [await self._looked_up(source, name, address) for name in _COPYING]
        return address, tuple(word for text in copied for word, _, _ in words_of(text))

    async def _looked_up(self, source: PostfixReading, name: str, address: str) -> str:
        """What tables say of an address, asked as cleanup(8) asks; "" for nothing, or where they fail."""
        local, _, domain = address.partition("@")
        for table, _, _ in words_of(source.effective(name)):
            whole = table.removeprefix("proxy:").startswith(_BY_WHOLE_ADDRESS)
            for key in (address,) if whole else (address, local, f"@{domain}"):
                asked = await self.host.run(self._tools.argv("postmap", "-q", key, table))
                if asked.returncode == 0:
                    return asked.stdout.decode("utf-8", "replace").strip()
        return ""


def argv() -> list[str]:
    """The command that sends and follows."""
    return [sys.executable, "-I", "-S", _PROGRAM]


def _left_out(why: str) -> dict[str, Any]:
    return {"state": "left out", "happened": clean(why)}


def _judged(plan: ProbePlan, kind: Kind, told: Mapping[str, Mapping[str, Any]], row: Row) -> Row:
    said = told[kind]
    letter = next(letter for letter in plan.letters if letter.kind is kind)
    outgoing = value(plan.reading, "filtering.check_outgoing")
    judged: Judged = judge(
        letter, plan.promises[kind], said, told.get(Kind.CLEAN), outgoing_checked=outgoing is not False
    )
    facts = said["facts"] or {}
    return replace(
        row,
        state="done",
        happened=judged.happened,
        verdict=judged.verdict,
        queue_ids=tuple(facts.get("queue_ids", ())),
        log=tuple(clean(line) for line in facts.get("lines", ())),
    )


def _quarantine(source: PostfixReading) -> str:
    """The directory of amavis's quarantine; "" where that is not known."""
    amavis = source.filters.amavis if source.filters is not None else None
    return str(amavis.get("QUARANTINEDIR") or "") if amavis is not None else ""


def _listener(source: PostfixReading) -> Probe:
    """The listener at which strangers hand in their mail."""
    found = [probe for probe in probes(source) if probe.port == 25] or [
        probe
        for probe, service in zip(probes(source), source.services("smtpd", "postscreen"), strict=False)
        if "content_filter" not in service.overrides
    ]
    if not found:
        raise Refused("This server takes no mail from outside: there is no listener to send a probe to.")
    return found[0]


def _local_domains(source: PostfixReading) -> list[str]:
    """The domains that are this server's own as mydestination says: the server's name first."""
    listed = [word.lower() for word, _, _ in words_of(source.effective("mydestination"))]
    literal = [word for word in listed if "/" not in word and ":" not in word and not word.startswith("!")]
    name = source.effective("myhostname").lower()
    return sorted(literal, key=lambda word: (word != name, word.startswith("localhost")))


def _extension(blocked: tuple[str, ...]) -> str:
    """One of the blocked extensions: the one that everybody knows, if it is there."""
    return "exe" if "exe" in blocked else next((one for one in blocked if one.isascii()), "")

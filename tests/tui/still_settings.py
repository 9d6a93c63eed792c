"""A configuration that stands still: pages of settings on a server that is none, for pictures and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.configuration import Configuration
from mtatui.backends.history import Entry, FileChange
from mtatui.backends.host import HostError
from mtatui.backends.host_local import LocalHost
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Finding, Override, Reading
from mtatui.settings.kinds import Login, Refused, Switch, Trial, Zone
from mtatui.settings.plan import Caution, Change, Command, Edit, Plan, Probe

#: Sunday 22 November 2026, 15:20:00 UTC.
NOW = 1795360800

_AMAVIS = "/etc/amavis/conf.d/60-mtatui"
_SUBMISSION = (Override("submission", "permit_sasl_authenticated,reject", "master.cf, line 17"),)
_ZONES = (Zone("zen.spamhaus.org=127.0.0.[2..11]"), Zone("bl.example.test", Trial.TRIAL))

#: What somebody has said: value, where, services that override it, a note.
SAID: dict[str, Current] = {
    "inbound.blocked_extensions": Current(
        ("exe", "bat", "cmd", "scr", "vbs", "js", "jar"), (), True, "main.cf, line 31"
    ),
    "inbound.blocked_extensions_notify_admin": Current(
        False, False, unavailable="that takes amavis, which is not set up here"
    ),
    "inbound.blocked_extensions_notify_recipient": Current(
        False, False, unavailable="that takes amavis, which is not set up here"
    ),
    "inbound.reject_unauth_destination": Current(
        Trial.ENFORCE, Trial.ENFORCE, True, "smtpd_relay_restrictions, main.cf, line 12"
    ),
    "inbound.smtpd_reject_unlisted_recipient": Current(True, True),
    "inbound.reject_sender_login_mismatch": Current(
        Trial.OFF, Trial.OFF, note="does nothing without a table of owners"
    ),
    "inbound.reject_non_fqdn_sender": Current(
        Trial.ENFORCE, Trial.OFF, True, "smtpd_recipient_restrictions, main.cf, line 19", _SUBMISSION
    ),
    "inbound.reject_unknown_client_hostname": Current(
        Trial.TRIAL, Trial.OFF, True, "smtpd_recipient_restrictions, main.cf, line 20", _SUBMISSION
    ),
    "inbound.smtpd_helo_required": Current(True, False, True, "main.cf, line 15"),
    "inbound.reject_rbl_client": Current(
        _ZONES, (), True, "smtpd_recipient_restrictions, main.cf, line 21", _SUBMISSION
    ),
    "outbound.mynetworks": Current(
        ("127.0.0.0/8", "[::1]/128", "192.0.2.0/24"), ("127.0.0.0/8", "[::1]/128"), True, "main.cf, line 8"
    ),
    "outbound.myhostname": Current("mx1.example.test", "mx1.example.test", True, "main.cf, line 5"),
    "outbound.mydomain": Current("example.test", "example.test"),
    "outbound.myorigin": Current("$myhostname", "$myhostname"),
    "outbound.smtp_helo_name": Current("$myhostname", "$myhostname"),
    "outbound.relayhost": Current("[smtp.example.net]:587", "", True, "main.cf, line 24"),
    "outbound.relay_login": Current(
        Login("relay-user", "s3cret"), None, True, "/etc/postfix/mtatui/relay_login"
    ),
    "outbound.message_size_limit": Current(10240000, 10240000),
    "outbound.smtpd_tls_security_level": Current("may", "", True, "main.cf, line 26"),
    "outbound.smtp_tls_security_level": Current("may", "", True, "main.cf, line 27"),
    "outbound.smtpd_sasl_auth_enable": Current(
        False, False, overrides=(Override("submission", "yes", "master.cf, line 18"),)
    ),
    "filtering.spam_subject_tag": Current("[SPAM]", "", True, f"{_AMAVIS}, line 4"),
    "filtering.spam_tag_percent": Current(33.0, 31.55, True, f"{_AMAVIS}, line 5"),
    "filtering.spam_kill_percent": Current(75.0, 31.55, True, f"{_AMAVIS}, line 6"),
    "filtering.spam_destiny": Current("discard", "pass", True, f"{_AMAVIS}, line 7"),
    "filtering.verify_dkim": Current(True, True),
    "filtering.always_signed_domains": Current(
        ("example.test", "bank.example"), (), True, "/etc/spamassassin/mtatui.cf, line 3"
    ),
    "filtering.antivirus": Current(True, False, True, f"{_AMAVIS}, line 8"),
    "filtering.virus_destiny": Current("discard", "discard"),
    "filtering.warn_virus_admin": Current(True, False, True, f"{_AMAVIS}, line 9"),
    "filtering.admin_address": Current("postmaster@example.test", "", True, f"{_AMAVIS}, line 9"),
    "filtering.database_mirrors": Current(
        ("database.clamav.net",), ("database.clamav.net",), True, "/etc/clamav/freshclam.conf, line 14"
    ),
    "filtering.custom_signatures": Current(
        ("https://mirror.example/ours.ndb", "local.ldb"), (), True, "/etc/clamav/freshclam.conf, line 20"
    ),
    "filtering.update_frequency": Current(7200, 7200),
}

AUTH_WITHOUT_TLS = Finding(
    "auth-without-tls",
    "The service smtp offers AUTH without TLS: passwords cross the network in clear. Switch on "
    "Passwords only over TLS.",
    setting="outbound.smtpd_tls_auth_only",
    where="main.cf, line 28",
)
OPEN_RELAY = Finding(
    "open-relay",
    "Anybody can send through this server.",
    grave=True,
    setting="inbound.reject_unauth_destination",
)

ENTRY = Entry(
    "20261122-142233-0a1b",
    NOW - 3447,
    "alice",
    "mx1.example.test",
    ("Clients must greet before anything else.",),
    (Change("inbound.smtpd_helo_required", "A greeting is required", "off", "on"),),
    ("postfix -c /etc/postfix check", "postfix -c /etc/postfix reload", "probe 127.0.0.1:25 (smtp)"),
    ("--- /etc/postfix/main.cf", "+++ /etc/postfix/main.cf", "@@ -13,2 +13,3 @@",
     " mydestination = localhost", "+smtpd_helo_required = yes", " relayhost ="),
    (FileChange("/etc/postfix/main.cf", "a" * 64, "b" * 64),),
    outcome=Ending.APPLIED,
    text="Everything answers.",
    ended=NOW - 3445,
)  # fmt: skip


_TEXTS = {
    Ending.APPLIED: "Everything answers.",
    Ending.AWAITING: "Everything answers.",
    Ending.REFUSED: "postfix check: fatal: /etc/postfix/main.cf, line 3: missing '=' after attribute name",
    Ending.CHANGED: "/etc/postfix/main.cf was changed by bob at 15:19:41.",
    Ending.ROLLED_BACK: "127.0.0.1:25 did not greet within 20 s.",
    Ending.BROKEN: "Put /var/spool/postfix/mtatui/settings/20261122-152000-77aa/0 back as "
    "/etc/postfix/main.cf, and run: postfix reload",
    Ending.UNCHANGED: "",
}


@dataclass(frozen=True)
class Tested:
    """The answer of a block list."""

    zone: str
    ok: bool
    text: str


class StillConfiguration(Configuration):
    """A configuration without a server: values are a table, plans are made of words."""

    def __init__(self, *, why_not: str = "", findings: tuple[Finding, ...] = (AUTH_WITHOUT_TLS,)) -> None:
        super().__init__(LocalHost("mx1"), "/etc/postfix", "mx1.example.test")
        self._why_not = why_not
        self.values = {key: SAID.get(key) or Current(nothing, nothing) for key, nothing in _nothing().items()}
        self.findings = findings
        self.cautions: tuple[Caution, ...] = ()
        self.ending = Ending.APPLIED
        self.hold: asyncio.Event | None = None
        """While it is set and not fired, applying stands before its reload."""
        self.entries: list[Entry] = [ENTRY]
        self.applied: list[Plan] = []
        self.reads = 0
        self.trouble: HostError | None = None
        self.gate: asyncio.Event | None = None
        """While it is set and not fired, the server does not answer."""
        self.filters_trouble: Exception | None = None
        self.filters_gate: asyncio.Event | None = None
        """While it is set and not fired, the filters are still being read."""

    def why_not(self) -> str:
        return self._why_not

    async def read(self, *, filters: bool = True, ask_history: bool = False) -> Reading:
        gate = self.filters_gate if filters and self.filters_gate is not None else self.gate
        if gate is not None:
            await gate.wait()
        self.reads += filters
        if self.trouble is not None:
            raise self.trouble
        if filters and self.filters_trouble is not None:
            raise self.filters_trouble
        values = {key: value for key, value in self.values.items() if filters or not ALL[key].filters}
        return Reading("mx1.example.test", float(NOW), values, self.findings)

    def plan(self, reading: Reading, changes: Mapping[str, Any]) -> Plan:
        if "outbound.mydomain" in changes and changes["outbound.mydomain"] == "refused.test":
            raise Refused("Domain: nobody may be called that")
        made = []
        for key, value in changes.items():
            show = ALL[key].kind.show
            made.append(Change(key, ALL[key].label, show(reading.current[key].value), show(value)))
        self._planned = dict(changes)
        before = b"myhostname = mx1.example.test\nsmtpd_helo_required = yes\n"
        after = before + b"".join(f"{key.partition('.')[2]} = changed\n".encode() for key in changes)
        return Plan(
            "mx1.example.test",
            tuple(made),
            tuple(f"{change.label} becomes {change.after}." for change in made),
            (Edit("/etc/postfix/main.cf", before, after),),
            "/etc/postfix",
            (Command(("postfix", "-c", "{stage}", "check")),),
            (Command(("postfix", "-c", "/etc/postfix", "reload")),),
            (Probe("smtp", "smtp", "127.0.0.1", 25), Probe("smtp", "submission", "127.0.0.1", 587)),
            self.cautions,
        )

    async def apply(
        self,
        plan: Plan,
        *,
        confirm_within: float | None = None,
        progress: Callable[[Step], None] = lambda step: None,
        cancel: asyncio.Event | None = None,
    ) -> Applied:
        self.applied.append(plan)
        steps: list[Step] = []

        def tell(*step: str) -> None:
            steps.append(Step(*step))
            progress(steps[-1])

        for name, text in (
            ("lock", "ours"),
            ("compare", "1 file as it was read"),
            ("record", "20261122-152000-77aa"),
            ("guard", "takes it back within 60 s if we are gone"),
            ("check", ""),
        ):
            tell(name, "begins")
            if name == "check":
                tell(name, "told", "", "postfix -c /var/spool/postfix/mtatui/stage check")
            tell(name, "failed" if self.ending is Ending.REFUSED and name == "check" else "done", text)
        if self.trouble is not None:
            raise self.trouble
        if self.hold is not None:
            tell("reload", "begins")
            waits = [asyncio.ensure_future(self.hold.wait())]
            waits += [asyncio.ensure_future(cancel.wait())] if cancel is not None else []
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for waiting in waits:
                waiting.cancel()
        ending = self.ending
        if cancel is not None and cancel.is_set():
            ending = Ending.ROLLED_BACK
        elif confirm_within is not None and ending is Ending.APPLIED:
            ending = Ending.AWAITING
        until = NOW + confirm_within if ending is Ending.AWAITING and confirm_within else None
        versions: dict[str, tuple[bytes | None, bytes | None]] = {}
        if ending in (Ending.APPLIED, Ending.AWAITING):
            self._become(self._planned)
        if ending is Ending.CHANGED:
            versions["/etc/postfix/main.cf"] = (plan.edits[0].after, b"myhostname = mx9.example.test\n")
        return Applied(ending, _TEXTS[ending], "20261122-152000-77aa", tuple(steps), until, versions)

    def _become(self, values: Mapping[str, Any]) -> None:
        self._before = dict(self.values)
        for key, value in values.items():
            self.values[key] = replace(self.values[key], value=value, explicit=True, where="main.cf, line 40")

    async def history(self, limit: int = 200) -> list[Entry]:
        return self.entries[:limit]

    async def entry(self, id: str) -> Entry:
        return next(entry for entry in self.entries if entry.id == id)

    async def undo_plan(self, entry: Entry) -> Plan:
        key = entry.changes[0].key
        return replace(self.plan(await self.read(), {key: False}), undoes=entry.id)

    async def confirm(self, id: str) -> Entry:
        return ENTRY

    async def roll_back(self, id: str, progress: Callable[[Step], None] = lambda step: None) -> Applied:
        self.values = self._before
        return Applied(Ending.ROLLED_BACK, "The old configuration is back.", id)

    async def settle(self) -> list[Entry]:
        return []

    async def test_zone(self, zone: str) -> Any:
        ok = "spamhaus" in zone
        text = f"{zone.partition('=')[0]} lists 127.0.0.2 and not 127.0.0.1, as it should."
        return Tested(zone, ok, text if ok else f"{zone} does not list 127.0.0.2: it does not work.")


def _nothing() -> dict[str, Any]:
    """A value for every setting that nobody has said."""
    values: dict[str, Any] = {}
    for key, setting in ALL.items():
        kind = setting.kind
        editor = kind.editor
        if editor == "switch":
            values[key] = False if isinstance(kind, Switch) else Trial.OFF
        else:
            values[key] = {"list": (), "sources": (), "zones": (), "login": None}.get(editor, "")
    return values

"""A server that stands still: the same queue at the same moment, for pictures and for keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.facts import Facts
from mtatui.backends.postfix.trials import Trials
from mtatui.backends.services import Services
from mtatui.live import Feed
from mtatui.queue.delta import Counts, Delta, Done, Rows
from mtatui.queue.message import Row, State
from mtatui.queue.selection import Outcome
from mtatui.server import Server

if TYPE_CHECKING:
    from mtatui.backends.configuration import Configuration
    from mtatui.backends.dkim.signing import Dkim
    from mtatui.backends.filters.databases import Databases

#: Sunday 22 November 2026, 15:20:00 UTC.
NOW = 1795360800

_REASONS = [
    ("4.4.1", "connect to mx.{domain}[198.51.100.7]:25: Connection timed out"),
    (
        "4.2.2",
        "host mx.{domain}[198.51.100.9] said: 452 4.2.2 <{to}> Mailbox full (in reply to RCPT TO command)",
    ),
    (
        "4.7.1",
        "host mx.{domain}[198.51.100.3] said: 450 4.7.1 <{to}>: Recipient address rejected: Greylisted",
    ),
    ("4.4.1", "connect to mx.{domain}[198.51.100.4]:25: Connection refused"),
]
_DOMAINS = ["shop34.test", "isp5.test", "freemail.example", "uni3.test", "down.example"]


def rows(number: int = 400, later: int = 0) -> list[Row]:
    """A queue of the usual kind, the same each time; it came in some seconds later than another."""
    made: list[Row] = []
    for i in range(number):
        state = "hold" if i % 7 == 3 else "active" if i % 50 == 9 else "deferred"
        domain = _DOMAINS[i * i % 5]
        to = f"r{i * 37 % 911}@{domain}"
        status, reason = _REASONS[i % 3 if i % 11 else 3]
        reason = "" if state == "active" else reason.format(domain=domain, to=to)
        recipients = [[to, reason, status if reason else "", 0, ""]]
        if i % 13 == 5:
            recipients += [[f"user{k}@list.test", reason, status, k % 2, ""] for k in range(12)]
        login = f"user{i % 9}" if i % 4 == 0 else ""
        sender = "" if i % 17 == 2 else f"user{i * 7 % 97}@{'list.test' if i % 3 else 'uni5.test'}"
        made.append(
            [
                f"{0x33C46 + i * 4099:05X}{0x214DA3 + i:06X}",
                state,
                NOW - 432000 + i * 1061 + later,
                600 + i * i % 60000,
                NOW + i % 60 * 61 if state == "deferred" else NOW - 100,
                sender,
                f"203.0.113.{i % 40}",
                f"host-{i % 40}.isp.test",
                f"host-{i % 40}.isp.test",
                login,
                "",
                recipients,
            ]
        )
    return made


class _StillFeed:
    limits = ""

    def __init__(self, told: list[Row]) -> None:
        self._told = told

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        counts = {state: sum(row[1] == state for row in self._told) for state in State}
        yield Counts(counts)
        for start in range(0, len(self._told), 200):
            yield Rows([list(row) for row in self._told[start : start + 200]])
        self._told = []
        yield Done(NOW, 0.2, counts)

    def close(self) -> None:
        pass


class StillServer(Server):
    """A server whose queue is a list."""

    def __init__(self, told: list[Row] | None = None, *, read_only: bool = False) -> None:
        host = LocalHost("mx1", read_only=read_only)
        host.superuser = True
        super().__init__(host)
        self._told = rows() if told is None else told
        self._facts = Facts("mx1.example.test", "3.7.11", "/etc/postfix", "/nowhere", "", 1, 432000, 432000)

    async def running(self) -> bool:
        """Nobody looks whether a Postfix runs."""
        return True

    @cached_property
    def configuration(self) -> Configuration:
        """Settings that stand still, too."""
        from tests.tui.still_settings import StillConfiguration

        return StillConfiguration()

    @cached_property
    def services(self) -> Services:
        """And services."""
        from tests.tui.still_services import StillServices

        assert isinstance(self.host, LocalHost)
        return StillServices(self.host)

    @cached_property
    def signatures(self) -> Databases:
        """And signatures."""
        from tests.tui.still_signatures import StillDatabases

        assert isinstance(self.host, LocalHost)
        return StillDatabases(self.host)

    @cached_property
    def dkim(self) -> Dkim:
        """And keys."""
        from tests.tui.still_dkim import StillDkim

        return StillDkim(self.configuration)

    async def trials(self) -> Mapping[str, Trials]:
        """One check on trial would have refused somebody."""
        return {"inbound.reject_unknown_client_hostname": Trials(412, NOW - 1632000, NOW - 1080)}

    async def settle(self) -> list[Outcome]:
        """Nothing was ever interrupted here."""
        return []

    def feed(self) -> Feed:
        return _StillFeed(self._told)

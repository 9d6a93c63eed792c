"""Facets: by what messages are counted under a filter, and how a count becomes a filter again.

A message counts once for each value that its recipients still to be served bring (a message to three of them
at two domains counts for both), so that asking for a value gives as many messages as its facet said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mtatui.queue.query import exactly


class Facet(StrEnum):
    """By what messages can be counted."""

    REASON = "reason"
    DOMAIN = "domain"
    SENDER = "sender"
    SENDER_DOMAIN = "sender-domain"
    IP = "ip"
    USER = "user"
    AGE = "age"
    SERVER = "server"

    @property
    def field(self) -> str:
        """The field of the query language that asks for its values."""
        return "from" if self is Facet.SENDER else self.value


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many messages have a value; ``label`` is for people, ``term`` asks for exactly these messages."""

    value: str
    label: str
    messages: int
    term: str


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ages from ``youngest`` up to, but not including, ``oldest`` seconds (None: without end)."""

    youngest: int
    oldest: int | None
    value: str
    label: str

    @property
    def term(self) -> str:
        """The query for the ages in the band."""
        bounds = [f"age>={self.value.partition('-')[0]}"] if self.youngest else []
        bounds += [f"age<{self.value.partition('-')[2]}"] if self.oldest else []
        return " ".join(bounds)


AGE_BANDS = (
    AgeBand(0, 300, "0s-5m", "under 5 min"),
    AgeBand(300, 1800, "5m-30m", "5 to 30 min"),
    AgeBand(1800, 7200, "30m-2h", "30 min to 2 h"),
    AgeBand(7200, 28800, "2h-8h", "2 to 8 h"),
    AgeBand(28800, 86400, "8h-1d", "8 h to 1 day"),
    AgeBand(86400, 259200, "1d-3d", "1 to 3 days"),
    AgeBand(259200, None, "3d-", "over 3 days"),
)
_NONE = {
    Facet.REASON: "no reason yet",
    Facet.DOMAIN: "no domain",
    Facet.SENDER: "<> (null sender)",
    Facet.SENDER_DOMAIN: "no domain",
    Facet.IP: "unknown, or local",
    Facet.USER: "no login",
    Facet.SERVER: "this server",
}


def counted(by: Facet, value: str, messages: int) -> FacetCount:
    """The count of one value, with its label and term."""
    return FacetCount(value, value or _NONE[by], messages, exactly(by.field, value))


def counted_ages(counts: list[int]) -> list[FacetCount]:
    """The counts of `AGE_BANDS`, in their order, without the empty ones."""
    pairs = zip(AGE_BANDS, counts, strict=True)
    return [FacetCount(band.value, band.label, count, band.term) for band, count in pairs if count]

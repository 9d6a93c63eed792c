"""Asks for which domain a new key is, and of which kind; judged while it is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.app import ComposeResult
from textual.widget import Widget

from mtatui.backends.dkim.keys import BEST, Type
from mtatui.backends.dkim.work import domain_of, selector_of
from mtatui.screens.fields import UP_AND_DOWN, Field, FieldsDialog, beside
from mtatui.settings.kinds import Refused
from mtatui.widgets.dialog import answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key as it is wanted."""

    domain: str
    selector: str
    type: Type
    bits: int
    sign: bool
    """Mail is signed with it at once."""


class NewKeyDialog(FieldsDialog[Wanted]):
    """A domain, a selector, a kind."""

    BINDINGS = UP_AND_DOWN
    FIRST = "Which domain?"

    def __init__(self, domain: str) -> None:
        """``domain``: what is proposed."""
        super().__init__("A new key for DKIM")
        self.domain = domain

    def body(self) -> ComposeResult:
        yield self.about(
            "The private key stays on the server, for OpenDKIM alone; its record is yours to publish. "
            "Nothing is made before you have seen the plan."
        )
        yield beside("Domain   ", Field(self.domain, id="domain", hint="example.com"))
        yield beside("Selector ", Field("", id="selector", hint="made of today's date"))
        yield beside("Kind     ", Field("rsa 2048", id="kind"))
        yield self.said()

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Cancel", "cancel"),
            answer("Make it, sign later", "make"),
            answer("Make it and sign", "sign"),
        ]

    def typed(self) -> Wanted:
        selector = self.in_field("selector")
        kind = re.fullmatch(r"(rsa|ed25519)\s*(\d{1,5})?", self.in_field("kind").lower())
        domain = domain_of(self.in_field("domain"))
        if selector:
            selector_of(selector)
        if kind is None or (kind[1] == Type.ED25519 and kind[2]):
            raise Refused("a kind is rsa, rsa 3072, ed25519")
        return Wanted(domain, selector, Type(kind[1]), int(kind[2] or BEST), sign=True)

    def comes_to(self, typed: Wanted) -> str:
        return _SAID[typed.type]

    def answered(self, typed: Wanted, id: str) -> Wanted:
        return replace(typed, sign=id == "sign")


_SAID = {
    Type.RSA: "Signatures do not verify before the record is published: who is in no hurry signs later.",
    Type.ED25519: "Many do not know Ed25519 yet: to them such mail is unsigned. And OpenDKIM signs all mail "
    "with keys of one kind.",
}

"""Asks for which domain a new key is, and of which kind; judged while it is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mtatui.backends.dkim.keys import BEST, Type
from mtatui.backends.dkim.work import domain_of, selector_of
from mtatui.screens.editors import Field, beside
from mtatui.settings.kinds import Refused
from mtatui.text import clean
from mtatui.widgets.dialog import Dialog, answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key as it is wanted."""

    domain: str
    selector: str
    type: Type
    bits: int
    sign: bool
    """Mail is signed with it at once."""


class NewKeyDialog(Dialog[Wanted]):
    """A domain, a selector, a kind."""

    DEFAULT_CSS = """
    NewKeyDialog {
        & .field { height: 1; margin-top: 1; }
        & .field .label { width: auto; }
        & .field Field, & .field Field:focus { width: 1fr; background: transparent; }
        & #about { color: $text-muted; }
        & #said { min-height: 2; margin-top: 1; }
        & #said.-wrong { color: $text-error; }
        &:ansi #about { color: ansi_default; text-style: dim; }
        &:ansi #said.-wrong { color: ansi_red; }
    }
    """
    AUTO_FOCUS = "#domain"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, domain: str) -> None:
        """``domain``: what is proposed."""
        super().__init__("A new key for DKIM")
        self.domain = domain

    def body(self) -> ComposeResult:
        yield Static(
            Content(
                "The private key stays on the server, for OpenDKIM alone; its record is yours to publish. "
                "Nothing is made before you have seen the plan."
            ),
            id="about",
        )
        yield beside("Domain   ", Field(self.domain, id="domain", hint="example.com"))
        yield beside("Selector ", Field("", id="selector", hint="made of today's date"))
        yield beside("Kind     ", Field("rsa 2048", id="kind"))
        yield Static(Content(""), id="said")

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Cancel", "cancel"),
            answer("Make it, sign later", "make"),
            answer("Make it and sign", "sign"),
        ]

    def on_mount(self) -> None:
        """Judge what is proposed."""
        self.judge()

    def on_input_changed(self) -> None:
        """Every letter counts."""
        self.judge()

    def on_input_submitted(self) -> None:
        """Enter goes on: to the next field, and to the answers in the end."""
        self.focus_next()

    def judge(self) -> None:
        """Say what becomes of what is typed, or why it cannot be."""
        said, wrong = self.query_one("#said", Static), ""
        try:
            wanted = self.typed(sign=True)
        except Refused as refused:
            wrong = f"✖ {clean(str(refused))}." if self._value("domain") else "Which domain?"
        said.set_class(wrong.startswith("✖"), "-wrong")
        said.update(Content(wrong or _SAID[wanted.type]))
        for id in ("make", "sign"):
            self.query_one(f"#{id}", Button).disabled = bool(wrong)

    def typed(self, *, sign: bool) -> Wanted:
        """What is typed.

        Raises:
            Refused: it cannot be.
        """
        selector = self._value("selector")
        kind = re.fullmatch(r"(rsa|ed25519)\s*(\d{1,5})?", self._value("kind").lower())
        domain = domain_of(self._value("domain"))
        if selector:
            selector_of(selector)
        if kind is None or (kind[1] == Type.ED25519 and kind[2]):
            raise Refused("a kind is rsa, rsa 3072, ed25519")
        return Wanted(domain, selector, Type(kind[1]), int(kind[2] or BEST), sign)

    def _value(self, id: str) -> str:
        return self.query_one(f"#{id}", Field).value.strip()

    @on(Button.Pressed, "#make")
    @on(Button.Pressed, "#sign")
    def _agreed(self, event: Button.Pressed) -> None:
        try:
            self.dismiss(self.typed(sign=event.button.id == "sign"))
        except Refused:
            self.judge()


_SAID = {
    Type.RSA: "Signatures do not verify before the record is published: who is in no hurry signs later.",
    Type.ED25519: "Many do not know Ed25519 yet: to them such mail is unsigned. And OpenDKIM signs all mail "
    "with keys of one kind.",
}

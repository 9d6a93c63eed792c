"""A question of ssh, put to the person: a password, a passphrase, whether a new host key is the right one.

They come one at a time, and never over another dialog: what is being typed there is meant for that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from mtatui.screens.fields import Field, FieldsDialog, beside
from mtatui.screens.prompts import Prompts
from mtatui.text import clean, wrap
from mtatui.widgets.dialog import answer

if TYPE_CHECKING:
    from mtatui.backends.host import Prompt

#: Seconds until it is looked again whether the dialog that is open is closed.
PATIENCE = 0.3
#: Seconds after a password or passphrase within which the same question means that it was not the right one.
AGAIN = 10.0
#: Cells of a line, and lines of a question: a server may say anything.
WIDTH, MOST = 66, 14
#: What ssh takes for a yes.
YES = "yes"


class AskDialog(FieldsDialog[str]):
    """One question; dismissed with the answer, or None where there is none."""

    DEFAULT_CSS = """
    AskDialog {
        & #about { margin-top: 1; }
        & #said { min-height: 0; margin-top: 0; }
    }
    """
    AUTO_FOCUS = "Field, #cancel"

    def __init__(self, prompt: Prompt, *, again: bool = False) -> None:
        """``again``: what was answered to the same question was not right."""
        super().__init__(f"{prompt.server} asks")
        self.prompt = prompt
        self.again = again

    def body(self) -> ComposeResult:
        yield Static(Content("\n".join(wrap(self.prompt.text.strip(), WIDTH, MOST))))
        if not self.prompt.confirm:
            yield beside("", Field("", hidden=self.prompt.secret))
        name = clean(self.prompt.server)
        kept = "It goes to ssh and is not kept. " if self.prompt.secret else ""
        shut = f"With esc {name} stays shut; o on the page Servers asks again."
        yield self.about(kept + shut)
        yield self.said()

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Yes" if self.prompt.confirm else "OK", "ok")]

    def begin(self) -> None:
        if self.again:
            self.say("That was not it: ssh asks again.", wrong=True)

    def judge(self) -> None:
        """It is ssh that judges."""

    def typed(self) -> str:
        return YES if self.prompt.confirm else self.query_one(Field).value

    def answered(self, typed: str, id: str) -> str:
        return typed

    def entered(self) -> None:
        """Enter is OK."""
        self.finish()


class Asking:
    """Puts the questions to the person as they come."""

    def __init__(self, app: App[Any], prompts: Prompts) -> None:
        self.app = app
        self.prompts = prompts
        self._open = False
        self._given: tuple[Prompt | None, float] = (None, 0.0)

    def next(self) -> None:
        """Put the question that has waited longest, unless one is open."""
        prompt = self.prompts.first
        if self._open or prompt is None:
            return
        self._open = True
        self._put(prompt)

    def _put(self, prompt: Prompt) -> None:
        top = self.app.screen
        if isinstance(top, ModalScreen) and not getattr(top, "MAY_BE_ASKED", False):
            self.app.set_timer(PATIENCE, lambda: self._put(prompt))
            return

        before, at = self._given
        again = prompt.secret and prompt == before and time.monotonic() - at < AGAIN

        def answered(text: str | None) -> None:
            self._given = (None if text is None else prompt, time.monotonic())
            self.prompts.answer(prompt, text)
            self._open = False
            self.next()

        self.app.push_screen(AskDialog(prompt, again=again), answered)

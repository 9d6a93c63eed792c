"""A server is checked from the ground up; what is found stands there as it comes, and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mtatui.backends.host import HostError
from mtatui.text import clean, fit, wrap
from mtatui.widgets.dialog import Dialog, answer

if TYPE_CHECKING:
    from mtatui.fleet.checking import Finding

#: Runs a check; what it is given is told each finding.
Check = Callable[[Callable[["Finding"], None]], Awaitable[Sequence["Finding"]]]

#: Cells of what was looked at, with its sign.
NAME = 12
_SIGNS = {True: ("✔", ""), False: ("✖", "$text-error"), None: ("!", "$text-warning")}


class CheckDialog(Dialog[bool]):
    """Dismissed with True where the person wants what the check was for."""

    #: What ssh asks is asked over this.
    MAY_BE_ASKED = True
    DEFAULT_CSS = """
    CheckDialog > #frame { width: 96%; max-width: 100; }
    """

    def __init__(self, title: str, check: Check, act: str = "") -> None:
        """Nothing is checked yet.

        Args:
            act: what can be done after it ("Save"); "" where there is nothing to do but to read it.
        """
        super().__init__(title)
        self.check = check
        self.act = act
        self._lines: list[Content] = []
        self._waits = [Content.styled("Looking …", "$text-muted")]

    def body(self) -> ComposeResult:
        yield Static(self._waits[0], id="found")

    def answers(self) -> Sequence[Widget]:
        if not self.act:
            return [answer("Close", "cancel")]
        return [answer("Back", "cancel"), answer(self.act, "ok", disabled=True)]

    def on_mount(self) -> None:
        """Begin; whoever closes this calls it off."""
        self.run_worker(self._run(), exit_on_error=False)

    async def _run(self) -> None:
        try:
            findings = await self.check(self._found)
            well = all(finding.ok is not False for finding in findings)
        except HostError as error:
            well = False
            self._lines += [Content.styled(line, "$text-error") for line in wrap(f"✖ {error}", self._width)]
        said = "Nothing is in the way." if well else "Not all is well."
        if self.act and not well:
            said += " It can be written down all the same."
        self._waits = [Content(""), Content(said)]
        self._show()
        if self.act:
            button = self.query_one("#ok", Button)
            button.disabled = False
            if well:
                button.focus()

    @property
    def _width(self) -> int:
        return min(100, self.app.size.width * 96 // 100) - 6

    def _found(self, finding: Finding) -> None:
        sign, style = _SIGNS[finding.ok]
        text = clean(finding.found, lines=True)
        for at, line in enumerate(wrap(text, self._width - NAME)):
            head = fit(f"{sign} {clean(finding.check)}" if at == 0 else "", NAME)
            self._lines.append(Content.styled(head + line, style) if style else Content(head + line))
        for line in wrap(clean(finding.advice, lines=True), self._width - NAME) if finding.advice else ():
            self._lines.append(Content.styled(" " * NAME + line, "$text-muted"))
        self._show()

    def _show(self) -> None:
        self.query_one("#found", Static).update(Content("\n").join([*self._lines, *self._waits]))

    @on(Button.Pressed, "#ok")
    def _agreed(self) -> None:
        self.dismiss(True)

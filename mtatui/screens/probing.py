"""A probe through the whole chain: what it will do, each message as it goes, which promises were kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from mtatui.backends.host import HostError
from mtatui.screens.review import SheetDialog
from mtatui.server import Server
from mtatui.text import clean, fit, wrap
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from textual.worker import Worker

    from mtatui.backends.probing import Probed, ProbePlan, Row

#: Cells of the column in which a message has its name.
LABEL = 20

_VERDICTS = {
    "kept": ("✔", "accent"),
    "broken": ("✖", "danger"),
    "cannot tell": ("?", "warning"),
    "nothing promised": ("·", "dim"),
}
_STATES = {
    "waits": ("○", "dim"),
    "left out": ("–", "dim"),
    "sending": ("▶", "accent"),
    "following": ("▶", "accent"),
}


def row_lines(rows: Sequence[Row], width: int) -> Iterator[list[Piece]]:
    """Each message: what is promised, and what happened to it so far."""
    for row in rows:
        sign, role = _VERDICTS[row.verdict] if row.verdict else _STATES.get(row.state, ("○", "dim"))
        said = [(f"promised: {row.promise}", "dim")]
        if row.verdict:
            said.append((f"{row.verdict}: {row.happened}", role if row.verdict == "broken" else ""))
        elif row.happened:
            said.append((f"{row.state}: {row.happened}", "dim"))
        elif row.state != "waits":
            said.append((f"{row.state} …", "accent"))
        label = row.label
        for text, own in said:
            for line in wrap(text, width - LABEL - 4):
                yield [(f" {sign} ", role), (fit(label, LABEL), "strong" if label else ""), (line, own)]
                sign, label = " ", ""


def end_lines(probed: Probed, width: int) -> Iterator[list[Piece]]:
    """What came of the whole, and what is left of it."""
    yield []
    if probed.stopped:
        yield from _wrapped(f"✖ Not all were sent: {probed.stopped}.", "danger", width)
    elif probed.broken:
        yield from _wrapped("✖ Not everything that the settings promise was kept.", "danger", width)
    else:
        yield from _wrapped("✔ Nothing that the settings promise was broken.", "accent", width)
    for line in probed.left:
        yield from _wrapped(line, "dim", width)


def _wrapped(text: str, role: str, width: int) -> Iterator[list[Piece]]:
    for line in wrap(clean(text), width - 2):
        yield [(f" {line}", role)]


class ProbingScreen(SheetDialog[None]):
    """A probe, from what it will do to what came of it. While it runs it can be stopped, and not be left."""

    DEFAULT_CSS = """
    ProbingScreen {
        & > #frame { width: 108; height: auto; max-height: 95%; }
        & Sheet { height: 16; }
    }
    """

    def __init__(self, server: Server) -> None:
        """Nothing has been looked at yet."""
        super().__init__(f"A probe through {server.name}")
        self.server = server
        self.plan: ProbePlan | None = None
        self.rows: dict[str, Row] = {}
        self.probed: Probed | None = None
        self.trouble = ""
        self._sending: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(self._says)
            yield self.sheet
            with Horizontal(id="answers"):
                yield from self.answers()

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Cancel", "cancel"),
            answer("Send the probe", "send"),
            answer("Stop", "stop"),
            answer("Close", "close"),
        ]

    def on_mount(self) -> None:
        """Look what a probe would do."""
        self._show()
        self._look()

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self._show()

    @work(group="probe", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        try:
            self.plan = await self.server.prober.plan()
            self.rows = {row.kind: row for row in self.plan.rows}
        except HostError as error:
            self.trouble = clean(str(error), lines=True)
        self._show()

    @on(Button.Pressed, "#send")
    def _send(self) -> None:
        self._sending = self._probe()
        self._show()

    @work(group="probe", exclusive=True, exit_on_error=False)
    async def _probe(self) -> None:
        assert self.plan is not None

        def heard(row: Row) -> None:
            self.rows[row.kind] = row
            self._show()

        try:
            self.probed = await self.server.prober.run(self.plan, heard)
            self.rows = {row.kind: row for row in self.probed.rows}
        except HostError as error:
            self.trouble = clean(str(error), lines=True)
        finally:
            self._sending = None
            if self.is_mounted:
                self._show()

    # --- showing ---------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.probed is not None or bool(self.trouble)

    def _show(self) -> None:
        if not self.is_mounted:
            return
        width = max(self.sheet.size.width - 1, 20)
        self.sheet.lines = [*self._lines(width)]
        # Within what the frame may have of the screen: its border, and the row of answers.
        room = self.app.size.height * 95 // 100 - 4
        self.sheet.styles.height = min(max(len(self.sheet.lines), 12), max(room, 5))
        if self.probed is not None:
            self.sheet.show_from(0)
        self.sheet.repaint()
        running = self._sending is not None
        shown = {
            "cancel": not running and not self.over,
            "send": not running and not self.over,
            "stop": running,
            "close": self.over and not running,
        }
        for id, display in shown.items():
            self.query_one(f"#{id}", Button).display = display
        self.query_one("#send", Button).disabled = self.plan is None
        focused = next(id for id, display in shown.items() if display)
        if self.focused is None or not self.focused.display:
            self.query_one(f"#{focused}", Button).focus()

    def _lines(self, width: int) -> Iterator[list[Piece]]:
        if self.plan is None:
            yield from _wrapped(
                self.trouble or "Looking what it would do …", "" if self.trouble else "dim", width
            )
            return
        if self._sending is None and not self.over:
            for text in self.plan.says:
                yield from _wrapped(text, "", width)
            yield []
        yield from row_lines([*self.rows.values()], width)
        if self.probed is not None:
            yield from end_lines(self.probed, width)
        elif self.trouble:
            yield []
            yield from _wrapped(self.trouble, "danger", width)

    # --- leaving ---------------------------------------------------------------------------------------

    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        self.trouble = "It was stopped. What was still in the queue was removed from there."
        self.query_one("#stop", Button).disabled = True
        if self._sending is not None:
            self._sending.cancel()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)

    def action_cancel(self) -> None:
        """Close it; while it runs, stop it first."""
        if self._sending is not None:
            self._stop()
        else:
            self.dismiss(None)

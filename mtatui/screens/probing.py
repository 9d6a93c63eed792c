"""A probe through the whole chain: what it will do, each message as it goes, which promises were kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.widget import Widget
from textual.widgets import Button

from mtatui.backends.host import HostError
from mtatui.screens.reading import wrapped
from mtatui.screens.sheet_dialog import LiveSheet
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
        yield from wrapped(f"✖ Not all were sent: {probed.stopped}.", "danger", width)
    elif probed.broken:
        yield from wrapped("✖ Not everything that the settings promise was kept.", "danger", width)
    else:
        yield from wrapped("✔ Nothing that the settings promise was broken.", "accent", width)
    for line in probed.left:
        yield from wrapped(line, "dim", width)


class ProbingScreen(LiveSheet):
    """A probe, from what it will do to what came of it."""

    DEFAULT_CSS = """
    ProbingScreen > #frame { width: 108; }
    """

    def __init__(self, server: Server) -> None:
        """Nothing has been looked at yet."""
        super().__init__(f"A probe through {server.name}", self._call_off)
        self.server = server
        self.plan: ProbePlan | None = None
        self.rows: dict[str, Row] = {}
        self.probed: Probed | None = None
        self.trouble = ""
        self._sending: Worker[None] | None = None

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Cancel", "cancel"),
            answer("Send the probe", "send"),
            answer("Stop", "stop"),
            answer("Close", "close"),
        ]

    def on_mount(self) -> None:
        """Look what a probe would do."""
        self._look()

    @work(group="probe", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        try:
            self.plan = await self.server.prober.plan()
            self.rows = {row.kind: row for row in self.plan.rows}
        except HostError as error:
            self.trouble = clean(str(error), lines=True)
        self.show()

    @on(Button.Pressed, "#send")
    def _send(self) -> None:
        self._sending = self._probe()
        self.show()

    @work(group="probe", exclusive=True, exit_on_error=False)
    async def _probe(self) -> None:
        assert self.plan is not None

        def heard(row: Row) -> None:
            self.rows[row.kind] = row
            self.show()

        try:
            self.probed = await self.server.prober.run(self.plan, heard)
            self.rows = {row.kind: row for row in self.probed.rows}
        except HostError as error:
            self.trouble = clean(str(error), lines=True)
        finally:
            self._sending = None
            self.show()

    # --- showing ---------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether mail is on its way."""
        return self._sending is not None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.probed is not None or bool(self.trouble)

    def offered(self) -> Mapping[str, bool]:
        begins = not self.running and not self.over
        over = self.over and not self.running
        return {"cancel": begins, "send": begins, "stop": self.running, "close": over}

    def show(self) -> None:
        """Show how far it is; what came of it from its beginning."""
        super().show()
        if self.probed is not None:
            self.sheet.action_move_to_start()
        for button in self.query("#send"):
            button.disabled = self.plan is None

    def told(self, width: int) -> Iterator[list[Piece]]:
        if self.plan is None:
            yield from wrapped(
                self.trouble or "Looking what it would do …", "" if self.trouble else "dim", width
            )
            return
        if self._sending is None and not self.over:
            for text in self.plan.says:
                yield from wrapped(text, "", width)
            yield []
        yield from row_lines([*self.rows.values()], width)
        if self.probed is not None:
            yield from end_lines(self.probed, width)
        elif self.trouble:
            yield []
            yield from wrapped(self.trouble, "danger", width)

    # --- leaving ---------------------------------------------------------------------------------------

    def _call_off(self) -> None:
        self.trouble = "It was stopped. What was still in the queue was removed from there."
        if self._sending is not None:
            self._sending.cancel()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)

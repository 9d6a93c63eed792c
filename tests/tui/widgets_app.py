"""A small program of all the widgets over hostile data, for the tests that run one in a real pty."""

from __future__ import annotations

import sys
import time
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType

from mtatui.queue.message import Message, Recipient, State
from mtatui.verbs import ACTIONS
from mtatui.widgets.columns import Column
from mtatui.widgets.detail import MessageDetail
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.filter_bar import FilterBar
from mtatui.widgets.footer import KeyFooter
from mtatui.widgets.header import PageHeader
from mtatui.widgets.queue_table import QueueTable
from mtatui.widgets.queue_tree import Node, QueueTree

#: What no program draws by itself: reset, notification, query, markup, C1, bidi, invisible, NUL, bad bytes.
HOSTILE = "\x1bc\x1b]9;owned\x07\x1b[5n[/x][red]\x9b2J\u202e\u2066\u200b\u2028\x85\x00\x07\udcff\ue000\r\n"


class Rows:
    """Messages, any number of them, each made when asked for."""

    def __len__(self) -> int:
        return 100_000

    def id(self, index: int) -> str:
        return f"{index:011X}"

    def row(self, index: int) -> Message:
        reason = "connect to mx.shop34.test[198.51.100.7]:25: Connection timed out"
        hostile = HOSTILE * (index % 3)
        return Message(
            self.id(index), State.DEFERRED, 1_700_000_000, 1024 * index, int(time.time()) + 600,
            f"user{index}@isp.test{hostile}", "203.0.113.12", "host" + hostile, hostile, hostile, hostile,
            (Recipient(f"r{index}@shop34.test{hostile}", reason + hostile, "4.4.1"),),
        )  # fmt: skip


COLUMNS: list[Column[Message]] = [
    Column("id", "ID", lambda message, width: message.id, 11),
    Column("from", "From", lambda message, width: message.sender, 20, flex=1),
    Column("to", "To", lambda message, width: message.recipients[0].address, 20, flex=1),
]


class WidgetsApp(App[None]):
    """Everything at once; ``d`` asks, ``slash`` filters."""

    CSS = "QueueTree { dock: left; width: 28; } MessageDetail { height: 7; }"
    BINDINGS: ClassVar[list[BindingType]] = [("d", "ask", "Ask"), ("slash", "filter", "Filter")]

    def compose(self) -> ComposeResult:
        yield PageHeader()
        yield KeyFooter()
        yield QueueTree(
            [Node("a", "a" + HOSTILE, 3, expandable=True), Node("b", "Incoming", 0, 1, glyph="○")]
        )
        yield FilterBar()
        yield QueueTable(COLUMNS, id="table")
        yield MessageDetail()

    def on_mount(self) -> None:
        """Put the hostile data in."""
        self.query_one(PageHeader).show(server="mx1" + HOSTILE, pages=[("queue", "Queue")], page="queue")
        self.query_one(KeyFooter).show([(action, True) for action in ACTIONS])
        self.query_one(FilterBar).keep("from:" + HOSTILE)
        self.query_one(FilterBar).show_count("3 of 100,000" + HOSTILE)
        table = self.query_one(QueueTable)
        table.follow = self.show_detail
        table.reload(Rows())
        table.focus()

    def show_detail(self, id: str | None) -> None:
        """Show the message under the cursor."""
        if id is not None:
            self.query_one(MessageDetail).show(Rows().row(int(id, 16)), now=time.time(), note=HOSTILE)

    def on_filter_bar_changed(self) -> None:
        """Nothing that is written is right."""
        self.query_one(FilterBar).show_mistake("no such field: " + HOSTILE, 2)

    def action_filter(self) -> None:
        """Write a query."""
        self.query_one(FilterBar).ask()

    def action_ask(self) -> None:
        """Ask something hostile."""
        self.push_screen(
            ConfirmDialog("Delete" + HOSTILE, ["From " + HOSTILE], act="Delete" + HOSTILE, typed="3")
        )


if __name__ == "__main__":
    app = WidgetsApp()
    app.theme = sys.argv[1]
    app.run()

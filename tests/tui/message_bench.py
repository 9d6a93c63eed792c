"""A bench for the message screen: an app with nothing else, and a server of two messages, hostile ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.app import App

from mtatui.backends.host import HostError, Missing
from mtatui.backends.verdicts import Verdicts
from mtatui.queue.message import Message, Recipient, State
from mtatui.screens.message import MessageScreen
from mtatui.verbs import Action

STYLES = Path(__file__).parent.parent.parent / "styles"
#: Not a round moment: what rounds wrongly shows.
NOW = 1795360823
ID = "39B8DA804F9"
HOSTILE = "\x1b]0;owned\x07\x1b[2J[/x][red]\x9b\u202e\u2028\x00"
SUBJECT = b"Subject: [/x] \x1b[31mred\x9b pay \xe2\x80\xae now\r\n"
RAW = (
    b"Received: from a by b\r\nFrom: =?utf-8?q?Z=C3=B6e=1B[2J?= <u@uni3.test>\r\nTo: r@gmail0.test\r\n"
    + SUBJECT
    + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Dear [bold]you[/bold]\x1b]0;x\x07\r\nneedle here\r\n--B\r\nContent-Type: application/zip\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''%1b[2Jbill.zip\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--B--\r\n"
)
MESSAGE = Message(
    ID, State.DEFERRED, NOW - 8 * 3600, len(RAW), NOW + 18 * 60 + 5, "user40@uni3.test", "203.0.113.12",
    "host-12.isp.test" + HOSTILE, "evil" + HOSTILE, "user40", "",
    (
        Recipient("served@gmail0.test", "", "2.0.0", True),
        Recipient("r7382@gmail0.test", "connect to mx.g0.test[198.51.100.7]: timed out" + HOSTILE, "4.4.1"),
        Recipient("r9@gmail0.test", "host said: 452 mailbox full", "4.2.2", False, "boss@gmail0.test"),
    ),
)  # fmt: skip
LOG = [
    "Nov 20 07:12:01 mx1 postfix/smtpd[9]: 39B8DA804F9: client=h[203.0.113.12]" + HOSTILE,
    "Nov 20 07:12:31 mx1 postfix/smtp[9]: 39B8DA804F9: to=<r7382@gmail0.test>, relay=none, delay=30, "
    "delays=0/0/30/0, dsn=4.4.1, status=deferred (timed out)",
]


class Source:
    """A server with two messages, of which one can be taken away."""

    def __init__(self, raw: bytes = RAW) -> None:
        self.raw = raw
        self.messages = {ID: MESSAGE, "4AAAAAAAAAA": replace(MESSAGE, id="4AAAAAAAAAA", sender="")}
        self.asked: list[tuple[str, str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def message(self, id: str) -> Message | None:
        return self.messages.get(id)

    def why_not(self, action: Action, states: Iterable[State] = (), keys: Iterable[str] | None = None) -> str:
        return "read-only" if action.id == "bounce" else ""

    def expires(self, message: Message) -> int:
        return message.arrival + 5 * 86400

    async def content(self, id: str, limit: int) -> tuple[bytes, bool]:
        self.asked.append(("content", id, limit))
        await self.gate.wait()
        if id not in self.messages:
            raise Missing(f"{id} is not in the queue any more.")
        return self.raw[:limit], len(self.raw) > limit

    async def records(self, id: str) -> str:
        self.asked.append(("records", id, 0))
        return f"message_size: 681\nsender: user40@uni3.test{HOSTILE}\n"

    async def log_lines(self, id: str) -> list[str]:
        if id != ID:
            raise HostError("No mail log on mx1: looked for [/var/log/mail.log].")
        return LOG

    async def verdicts(self, id: str, *, progress: Callable[[Verdicts], None]) -> Verdicts:
        self.asked.append(("verdicts", id, 0))
        raise Missing(f"{id} is not in the queue any more.")


class Bench(App[None]):
    """An app with nothing but the message screen."""

    CSS_PATH = STYLES / "message.tcss"

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.chosen: list[tuple[str, tuple[str, ...]]] = []
        self.left_at: str | None = None

    def on_mount(self) -> None:
        ids = list(self.source.messages)

        def neighbour(id: str, step: int) -> str | None:
            at = ids.index(id) + step
            return ids[at] if 0 <= at < len(ids) else None

        def left(id: str | None) -> None:
            self.left_at = id

        self.push_screen(MessageScreen(self.source, ID, neighbour), left)

    def on_message_screen_verb_chosen(self, event: MessageScreen.VerbChosen) -> None:
        self.chosen.append((event.verb_id, event.ids))


async def settled(pilot: Any) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def rows(app: App[None]) -> str:
    """What the terminal shows, row by row."""
    screen = app.screen
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in screen._compositor.render_strips(screen.size)
    )


def status(app: App[None]) -> str:
    """What the last line says."""
    return rows(app).splitlines()[-1].strip()


def extent(app: App[None]) -> str:
    """What the line above the text says."""
    return next(row for row in rows(app).splitlines() if row.startswith("────")).strip("─ ")


async def open_at(pilot: Any, key: str) -> str:
    await pilot.press(key)
    await settled(pilot)
    return rows(pilot.app)

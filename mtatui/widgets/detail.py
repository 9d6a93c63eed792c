"""The detail pane: all that envelope and defer log tell of one message, each recipient with its reason."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from textual.strip import Strip

from mtatui.queue.message import Message, Recipient, State, no_sender, split
from mtatui.text import ago, cells, clean, count, fit, fit_address, size, wrap
from mtatui.widgets.lines import Lines, Piece
from mtatui.widgets.states import LOOKS

#: Pieces that stay together.
Item = list[Piece]

#: Cells that the word at the beginning of a line takes ("from", "to").
LABEL = 6
#: In the small pane: recipients named and lines of reason shown for each group that shares a reason.
NAMED = 3
REASON_LINES = 4
#: Cells a reason wants beside the address; where there are fewer it stands below.
READABLE = 48


class MessageDetail(Lines):
    """One message, in words. Showing the same message anew repaints only the lines that changed."""

    DEFAULT_CSS = """
    MessageDetail { height: 8; }
    """

    def __init__(
        self,
        *,
        whole: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """A pane without a message.

        Args:
            whole: name every recipient and give every reason in full, as the message screen does.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._whole = whole
        self._message: Message | None = None
        self._about: list[list[Item]] = []
        self._note = ""
        self._lines: list[Item] = []
        self._lines_width = -1

    def show(self, message: Message | None, *, now: float, expires: float = 0, note: str = "") -> None:
        """Show a message, or nothing.

        Args:
            now: epoch seconds, for ages.
            expires: when the message goes back to its sender (epoch seconds; 0 where that is not known).
            note: a last line, such as how many messages wait for the same reason.
        """
        if message is None or self._message is None or message.id != self._message.id:
            self._top = 0
        self._message = message
        self._about = [] if message is None else [_heading(message, now, expires), _envelope(message)]
        self._note = note
        self._lines_width = -1
        self._top = max(0, min(self._top, self.line_count() - self.page))
        self.repaint()

    @property
    def message(self) -> Message | None:
        """The message that is shown."""
        return self._message

    def line_count(self) -> int:
        width = self._extent.width - 2
        if width < LABEL:
            return 0
        if width != self._lines_width:
            self._lines_width = width
            self._lines = list(self._laid_out(width))
        return len(self._lines)

    def draw(self, index: int, width: int) -> Strip:
        return self.line([(" ", ""), *self._lines[index]], width)

    def _laid_out(self, width: int) -> Iterable[Item]:
        for items in self._about:
            yield from flow(items, width, 0 if self._whole else NAMED)
        if self._message is not None:
            yield from recipient_lines(self._message.recipients, width, self._whole)
        if self._note:
            for text in wrap(self._note, width - LABEL - 1):
                yield [(" " * (LABEL + 1) + text, "dim")]


def _heading(message: Message, now: float, expires: float) -> list[Item]:
    look = LOOKS[message.state]
    server, id = split(message.id)
    items: list[Item] = [
        [(clean(id), "strong"), *([(" on ", "dim"), (clean(server), "strong")] if server else [])],
        [(" ", ""), (f"{look.glyph} {look.word}", look.role)],
    ]
    if message.arrival:
        age = ago(now - message.arrival)
        items.append([(f" · arrived {moment(message.arrival, now)}, {age}", "")])
    if message.retry:
        ahead = message.retry - now
        items.append([(f" · retry {'due' if ahead < 60 else 'in ' + ago(ahead)}", "")])
    if expires and message.state is not State.TRASH:
        soon = expires - now < 86400
        items.append([(f" · expires {moment(expires, now)}", "warning" if soon else "")])
    return items


def _envelope(message: Message) -> list[Item]:
    """Where it came from; what has no sender has the null sender, <>."""
    host = clean(message.client_name)
    ip = f"[{clean(message.client_ip)}]" if message.client_ip else ""
    known = {
        "login": clean(message.sasl_user),
        "size": size(message.size),
        "origin": " ".join(part for part in (host, ip) if part),
        "helo": "" if message.helo == message.client_name else clean(message.helo),
        "filter": clean(message.content_filter),
    }
    nobody = no_sender(message.state, message.arrival) or "none that can be read in this file"
    first: Item = [(f"{'from':<{LABEL}} ", "dim"), (clean(message.sender) or nobody, "")]
    return [first, *([(f"   {label}  ", "dim"), (value, "")] for label, value in known.items() if value)]


def recipient_lines(recipients: Sequence[Recipient], width: int, whole: bool) -> Iterable[Item]:
    """Recipients at the left; beside or below them what the last attempt said, once for all who share it."""
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for one in recipients:
        address = clean(one.address) + (f" ← {clean(one.original)}" if one.original else "")
        groups.setdefault((one.done, one.status, one.reason), []).append(address)
    room = width - LABEL - 1
    widest = max((cells(address) for group in groups.values() for address in _named(group, whole)), default=0)
    below = room - widest - 2 < READABLE
    left = room if below else widest
    label = "to"
    for (done, status, reason), addresses in sorted(groups.items(), key=lambda item: item[0][0]):
        quiet = "dim" if done else ""
        texts: list[Piece] = []
        for address in _named(addresses, whole):
            cut = wrap(address, left) if whole else [fit_address(address, left).rstrip()]
            texts += [(text, quiet) for text in cut]
        if more := len(addresses) - len(_named(addresses, whole)):
            texts.append((f"{count(more)} more…", "dim"))
        said = "✓ served" if done else f"{status} {reason}" if status and status not in reason else reason
        lines = wrap(said, room - 2 if below else room - left - 2, 0 if whole else REASON_LINES)
        for at in range(len(texts) if below else max(len(texts), len(lines))):
            address, role = texts[at] if at < len(texts) else ("", "")
            reply = "" if below or at >= len(lines) else "  " + lines[at]
            yield [
                (f"{label:<{LABEL}} ", "dim"),
                (address if below else fit(address, left), role),
                (reply, quiet),
            ]
            label = ""
        if below:
            yield from ([(" " * (LABEL + 3) + text, quiet)] for text in lines if text)


def _named(addresses: list[str], whole: bool) -> list[str]:
    """Those of a group that are named; the small pane counts the rest."""
    return addresses if whole or len(addresses) <= NAMED else addresses[: NAMED - 1]


def flow(items: Sequence[Item], width: int, limit: int = 0) -> Iterable[Item]:
    """Items side by side in as many lines as they need; an item that is longer than a line is wrapped.

    Args:
        limit: lines that one item may take (0: any number).
    """
    indent = " " * (LABEL + 1)
    line: Item = []
    room = width
    for item in items:
        needs = sum(cells(text) for text, _ in item)
        if needs > room and line:
            yield line
            (text, role), *rest = item
            line = [(indent, ""), (text.lstrip(" ·"), role), *rest]
            room = width
            needs = sum(cells(text) for text, _ in line)
        else:
            line += item
        room -= needs
        if room < 0:
            *lead, (text, role) = line
            *full, last = wrap(text, width - sum(cells(text) for text, _ in lead), limit)
            for part in full:
                yield [*lead, (part, role)]
                lead = [(" " * sum(cells(text) for text, _ in lead), "")]
            line = [*lead, (last, role)]
            room = width - sum(cells(text) for text, _ in line)
    if line:
        yield line


def moment(at: float, now: float) -> str:
    """A point in time, local: the hour today, with the weekday within six days, else the date."""
    local = time.localtime(at)
    if time.localtime(now)[:3] == local[:3]:
        return time.strftime("today %H:%M", local)
    return time.strftime("%a %H:%M" if abs(now - at) < 6 * 86400 else "%Y-%m-%d %H:%M", local)

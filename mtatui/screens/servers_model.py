"""What the page of all servers says of each of them, in words. It draws nothing and asks nobody."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtatui.backends.services.words import answering, running
from mtatui.fleet.condition import Phase
from mtatui.queue.message import State
from mtatui.screens.reading import labelled
from mtatui.text import ago, clean, count
from mtatui.widgets.lines import Piece
from mtatui.widgets.states import LOOKS

if TYPE_CHECKING:
    from mtatui.backends.services import Service
    from mtatui.fleet.condition import Condition
    from mtatui.server import Server

MINUTE = 60
#: Cells of the labels of what is told of one server.
LABEL = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One server, as its line and its detail tell it."""

    name: str
    host: str = ""
    directory: str = ""
    """Where its Postfix is set up, where that was said."""
    tags: tuple[str, ...] = ()
    condition: str = ""
    """A glyph and a few words."""
    role: str = ""
    why: str = ""
    """What is wrong, and what to do about it."""
    counts: Mapping[State, int] = field(default_factory=dict)
    scan: str = ""
    """How old what is shown of its queue is, in words."""
    version: str = ""
    running: Mapping[str, bool] = field(default_factory=dict)
    """Which services run, by id, as far as is seen from outside."""
    services: Mapping[str, Service] | None = None
    """All that is known of them, by id; None until somebody has looked."""
    trouble: str = ""
    """Why nobody could look at its services."""
    answers: bool = True
    """Whether something can be asked of it now."""
    current: bool = False

    @property
    def known(self) -> bool:
        """Whether anything is known of its queue."""
        return bool(self.scan)


def where(server: Server) -> str:
    """Where a server is: what ssh is told, or this machine."""
    return str(getattr(server.host, "destination", "")) or "this machine"


def words(condition: Condition, messages: int, now: float) -> tuple[str, str]:
    """How a server is in a glyph and a few words, and their role."""
    match condition.phase:
        case Phase.OPENING:
            return "◌ connecting …", "dim"
        case Phase.ASKING:
            return "? asks for an answer", "accent"
        case Phase.TROUBLE:
            since = now - condition.since
            return f"✖ no answer {ago(since)}" if since >= MINUTE else "✖ no answer", "danger"
        case Phase.READING:
            return f"◌ reading {count(messages)}", "accent"
    if condition.stopped:
        return "✖ Postfix is stopped", "danger"
    return ("◐ limited", "warning") if condition.phase is Phase.LIMITED else ("● live", "")


def cell(service: Service | None) -> tuple[str, str]:
    """A service in a cell of the table: configured, runs, answers, in a glyph and a word; and its role."""
    if service is None or not service.configured:
        return "–", "dim"
    if service.runs is False:
        return "✖ down", "danger"
    if service.answering is False:
        return "✖ silent", "danger"
    if service.answering:
        return "✔ answers", ""
    if service.within:
        return f"in {service.within}", "dim"
    return ("elsewhere", "dim") if service.runs is None else ("✔ runs", "")


def summary(line: Line) -> tuple[str, str]:
    """All services of a server in a few cells."""
    if line.trouble:
        return "?", "warning"
    well = {one.id: one.well for one in (line.services or {}).values() if one.configured} or line.running
    ill = [clean(id) for id, is_well in well.items() if not is_well]
    if ill:
        return f"✖ {ill[0]}" if len(ill) == 1 else f"✖ {len(ill)} are down", "danger"
    return (f"✔ {len(well)}", "") if well else ("–", "dim")


def instances(lines: Iterable[Line]) -> list[str]:
    """The services that are configured anywhere, in the order in which servers name them."""
    found: dict[str, None] = {}
    for line in lines:
        for id, service in (line.services or {}).items():
            if service.configured:
                found.setdefault(id)
    return list(found)


def told(line: Line, width: int) -> list[Sequence[Piece]]:
    """Everything that is known of one server, in lines of so many cells; what is wrong first."""
    rows: list[tuple[str, str, str]] = [("Condition", line.condition, line.role)]
    if line.why:
        rows.append(("", line.why, line.role))
    rows.append(("Host", ", ".join(filter(None, (line.host, line.directory))), ""))
    if line.tags:
        rows.append(("Tags", " ".join(line.tags), ""))
    if line.known:
        counts = [f"{number:,} {LOOKS[state].word}" for state, number in line.counts.items() if number]
        rows.append(("Queue", ", ".join(counts) or "empty", ""))
    if line.version:
        rows.append(("Postfix", line.version, ""))
    rows += services_told(line)
    lines: list[Sequence[Piece]] = []
    for label, text, role in rows:
        lines += labelled(label, text, role, width, LABEL)
    return lines


def services_told(line: Line) -> list[tuple[str, str, str]]:
    """Its services: label, words, role; those that are not well first."""
    if line.trouble:
        return [("Services", line.trouble, "warning")]
    if line.services is None:
        return []
    configured = [one for one in line.services.values() if one.configured]
    rows = []
    for one in sorted(configured, key=lambda one: one.well):
        words = [running(one, time.time()), answering(one)]
        words += [one.advice] if not one.well else []
        rows.append((one.id, " · ".join(filter(None, words)), "" if one.well else "danger"))
    return rows

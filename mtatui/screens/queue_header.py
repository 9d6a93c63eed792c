"""What the queue page says of servers: how fresh what is shown is, and who does not answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mtatui.fleet import Fleet
from mtatui.fleet.condition import Condition, Phase
from mtatui.queue.query import Query
from mtatui.queue.terms import Kind, Term
from mtatui.server import Server
from mtatui.text import clean, count
from mtatui.widgets.lines import Piece


def of_one(server: Server, condition: Condition, narrow: bool) -> list[Piece]:
    """Of one server: when it was looked at, or why not."""
    live = server.live
    if live is None:
        return [("starting", "dim")]
    if live.trouble is not None:
        return [(f"no answer since {_clock(live.trouble_since)}", "danger")]
    if condition.phase is Phase.ASKING:
        return [("waits for your answer", "warning")]
    if live.last is None:
        return [(f"reading {count(sum(server.part.counts().values()))}", "accent")]
    at = _clock(live.told_at)
    notes: list[Piece] = []
    if condition.stopped:
        notes.append(("Postfix is stopped", "danger"))
        notes += [] if narrow else [(f" · scan {at}", "dim")]
    else:
        cost = "" if narrow else f", {live.last_whole_cost:.1f} s"
        notes.append((f"{'' if narrow else 'scan '}{at}{cost} · live", "dim"))
    if condition.phase is Phase.LIMITED:
        notes.append((" · no root" if narrow else " · limited view", "warning"))
    return notes


def of_many(conditions: Mapping[str, Condition], narrow: bool) -> list[Piece]:
    """Of several: those that are not well by name, or how many; else that all are live."""
    notes: list[Piece] = []
    for phase, words, role in (
        (Phase.ASKING, ("{} asks", "{} ask", "asking"), "warning"),
        (Phase.TROUBLE, ("{}: no answer", "{} do not answer", "silent"), "danger"),
    ):
        names = [name for name, condition in conditions.items() if condition.phase is phase]
        notes += _told(names, words, role, narrow)
    stopped = [name for name, condition in conditions.items() if condition.stopped]
    notes += _told(stopped, ("{} is stopped", "{} are stopped", "stopped"), "danger", narrow)
    reading = [name for name, c in conditions.items() if c.phase in (Phase.OPENING, Phase.READING)]
    live = [c.scanned for c in conditions.values() if c.phase in (Phase.LIVE, Phase.LIMITED) and c.scanned]
    if reading:
        notes.append((f"reading {len(conditions) - len(reading)}/{len(conditions)}", "accent"))
    elif live:
        notes.append((f"{_clock(max(live))} · {len(live)} live", "dim"))
    return notes


def nothing_yet(conditions: Sequence[Condition], total: int) -> str:
    """What stands in place of a list that is empty for the servers have not told it; "" where they have."""
    if all(one.phase is Phase.TROUBLE for one in conditions):
        return clean(conditions[0].why)
    if not total and any(one.phase is Phase.ASKING for one in conditions):
        return "Waiting for an answer to what ssh asked …"
    if not total and any(one.phase in (Phase.OPENING, Phase.READING) for one in conditions):
        return "Reading the queue …"
    return ""


def no_match(query: Query, fleet: Fleet) -> str:
    """What stands in place of a list that is empty for nothing matches the filter."""
    known = {"server": fleet.names, "tag": {tag for tags in fleet.tags.values() for tag in tags}}
    for term in query.parts:
        if fleet.many and isinstance(term, Term) and term.field in known and term.kind is Kind.TEXT:
            asked = str(term.value)
            if not any(asked.lower() in one.lower() for one in known[term.field]):
                return f"There is no {term.field} {clean(asked)}   esc clears the filter."
    # Named, because what stands in the bar may be half written.
    return f"No message matches {query}   esc clears the filter."


def limited(names: Sequence[str], why: str) -> str:
    """That not all can be seen or done; of several servers their page says why."""
    if names == [""]:
        return f"{why[:1].upper()}{why[1:]}."
    some = ", ".join(map(clean, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"Not all can be seen or done on {some}: the page Servers (0) says why."


def of_trouble(name: str, why: str) -> str:
    """That a server does not answer any more, and why; most reasons name it themselves."""
    return why if why.startswith(name) else f"{name}: {why}"


def of_cursor(name: str, condition: Condition) -> tuple[str, str]:
    """How the server is on which the cursor of the tree lies, in one line, and how serious that is."""
    scan = f"scan {_clock(condition.scanned)}, {condition.cost:.1f} s" if condition.scanned else "no scan yet"
    match condition.phase:
        case Phase.TROUBLE:
            why = clean(condition.why).removeprefix(f"{name} cannot be reached: ")
            return f"{name}: no answer since {_clock(condition.since)}: {why}", "warning"
        case Phase.ASKING:
            return f"{name} asks: {condition.why}", "warning"
        case Phase.OPENING:
            return f"{name} is being opened …", "information"
        case Phase.READING:
            return f"{name}: its queue is being read …", "information"
    if condition.stopped:
        return f"{name}: Postfix is stopped · {scan}", "warning"
    return f"{name}: {scan} · {condition.why or 'live'}", "information"


def _told(names: list[str], words: tuple[str, str, str], role: str, narrow: bool) -> list[Piece]:
    one, several, short = words
    if not names:
        return []
    sign = "✖" if role == "danger" else "?"
    if narrow:
        return [(f"{sign} {len(names)} {short} ", role)]
    told = one.format(clean(names[0])) if len(names) == 1 else several.format(f"{len(names)} servers")
    return [(f"{sign} {told} · ", role)]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))

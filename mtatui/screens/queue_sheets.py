"""What the sheets of the queue page say: help, the command log, receipts; and what can be copied."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from mtatui.backends.host import CommandLog
from mtatui.queue.message import Message, split
from mtatui.queue.selection import Outcome, Result
from mtatui.queue.terms import FIELDS, FLEET_FIELDS
from mtatui.text import clean, count, fit, wrap
from mtatui.verbs import ALL, Action, on
from mtatui.widgets.footer import cap
from mtatui.widgets.lines import Piece

Sheet = list[list[Piece]]

#: What each sort field means.
SORTS = {
    "age": "the oldest first",
    "id": "by queue ID",
    "size": "the smallest first",
    "from": "by sender",
    "to": "by recipient",
    "retry": "the next to be tried first",
    "reason": "by reason",
    "state": "by state",
    "rcpts": "the fewest recipients first",
    "server": "by server",
}


def help(keymap: Mapping[str, str], width: int, *, many: bool = False) -> Sheet:
    """The keys as they are bound now, and the query language, in lines of so many cells.

    Args:
        many: there are several servers.
    """
    lines: Sheet = [[("Keys", "accent")]]
    lines += keys(on("queue"), keymap, width)
    for moving, label, text in _MOVING:
        lines += row(moving, label, text, width)
    lines += [[], [("Keys on a message", "accent")]]
    lines += keys((action for action in ALL.values() if action.where == "message"), keymap, width)
    lines += [[], [("Queries", "accent")]]
    how = 'Terms side by side must all hold; OR, -not, (groups), "quotes", glob*, /regex/.'
    lines += [[(f"  {line}", "dim")] for line in wrap(how, width - 2)]
    for name, meaning in FIELDS.items():
        if name in FLEET_FIELDS and not many:
            continue
        first, *rest = wrap(meaning, width - 18)
        lines.append([(fit(f"  {name}", 18), "strong"), (first, "dim")])
        lines += [[(" " * 18 + text, "dim")] for text in rest]
    lines.append([("  e.g.  state:deferred reason:timeout age>2h -from:news@", "")])
    return lines


_MOVING = (
    ("j k g G", "Move", "Also arrows, page up and down, home and end."),
    ("J K", "Mark range", "Also shift with the arrows."),
)


def keys(actions: Iterable[Action], keymap: Mapping[str, str], width: int) -> Iterator[list[Piece]]:
    """Actions with their keys, in lines of so many cells."""
    for action in actions:
        bound = keymap.get(action.id, action.keys)
        shown = " ".join(cap(key) for key in bound.split(",")) if bound else f":{action.id}"
        yield from row(shown, action.label, action.help, width)


def row(keys: str, label: str, text: str, width: int) -> Iterator[list[Piece]]:
    """One action: its keys, its name, what it does, in lines of so many cells."""
    first, *rest = wrap(text, width - 30)
    yield [(fit(f"  {keys}", 16), "strong"), (fit(label, 14), ""), (first, "dim")]
    for line in rest:
        yield [(" " * 30 + line, "dim")]


def commands(log: CommandLog, width: int) -> Sheet:
    """The command log, oldest first, in lines of so many cells."""
    lines: Sheet = []
    for entry in log.entries:
        at = time.strftime("%H:%M:%S", time.localtime(entry.at))
        took = "" if entry.duration is None else f"{entry.duration:.2f} s"
        first, *rest = wrap(clean(str(entry)), width - 20)
        lines.append([(f"{at} {took:>8}  ", "dim"), (first, "")])
        lines += [[(" " * 19 + text, "")] for text in rest]
        if entry.returncode:
            lines.append([(" " * 19 + f"exit code {entry.returncode}", "warning")])
    return lines or [[("Nothing has run yet.", "dim")]]


_ROLES = {Result.DONE: "dim", Result.GONE: "", Result.CHANGED: "warning", Result.FAILED: "danger"}


def receipts(outcome: Outcome, width: int) -> Sheet:
    """What became of each message, in lines of so many cells: what was not done first."""
    tally = outcome.tally()
    summary = " · ".join(f"{count(tally[result])} {result}" for result in Result if tally[result])
    when = time.strftime("%H:%M:%S", time.localtime(outcome.at))
    lines: Sheet = [[(f"{outcome.verb} at {when}, {outcome.cost:.1f} s: ", ""), (summary, "strong")]]
    if len(outcome.parts) > 1:
        room = min(max(map(len, outcome.parts)), 32)
        for name, part in outcome.parts.items():
            of = part.tally()
            told = " · ".join(f"{count(of[result])} {result}" for result in Result if of[result])
            lines.append([(f"  {fit(name, room)}  ", "strong"), (told, "warning" if not part.ok else "")])
    for command in outcome.commands:
        lines += [[(line, "dim")] for line in wrap(f"ran: {command}", width)]
    for note in outcome.notes:
        lines += [[(line, "warning")] for line in wrap(note, width)]
    wide = max((len(receipt.id) + 2 for receipt in outcome.receipts), default=18)
    wide = min(max(18, wide), max(18, width - 40))
    order = [Result.FAILED, Result.CHANGED, Result.GONE, Result.DONE]
    texts = {text: wrap(text, width - wide - 9) for text in {receipt.text for receipt in outcome.receipts}}
    for receipt in sorted(outcome.receipts, key=lambda one: (order.index(one.result), one.text, one.id)):
        first, *rest = texts[receipt.text]
        lines.append(
            [(fit(receipt.id, wide), ""), (fit(receipt.result, 9), _ROLES[receipt.result]), (first, "dim")]
        )
        lines += [[(" " * (wide + 9) + line, "dim")] for line in rest]
    return lines


def wrapped(text: str, width: int) -> Sheet:
    """Words that are longer than a line of so many cells."""
    return [[(line, "")] for line in wrap(text, width)]


def to_copy(message: Message) -> dict[str, str]:
    """What of a message can be copied, by name; nothing empty."""
    reasons = dict.fromkeys(recipient.reason for recipient in message.recipients if recipient.reason)
    server, id = split(message.id)
    things = {
        "ID": id,
        "server": server,
        "sender": message.sender,
        "recipient": ", ".join(recipient.address for recipient in message.recipients),
        "reason": "; ".join(reasons),
        "origin": message.client_ip,
        "login": message.sasl_user,
    }
    return {name: clean(text) for name, text in things.items() if text}

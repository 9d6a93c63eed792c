"""What the sheets of the queue page say: help, the command log, receipts; and what can be copied."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from mtatui.backends.host import CommandLog
from mtatui.queue.message import Message
from mtatui.queue.selection import Outcome, Result
from mtatui.queue.terms import FIELDS
from mtatui.text import clean, count, fit, wrap
from mtatui.verbs import ALL, Action
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
}
_WIDTH = 100


def help(keymap: Mapping[str, str]) -> Sheet:
    """The keys as they are bound now, and the query language."""
    lines: Sheet = [[("Keys", "accent")]]
    lines += _keys([action for action in ALL.values() if action.where != "message"], keymap)
    for keys, label, text in _MOVING:
        lines += _row(keys, label, text)
    lines += [[], [("Keys on a message", "accent")]]
    lines += _keys([action for action in ALL.values() if action.where == "message"], keymap)
    lines += [[], [("Queries", "accent")]]
    lines += [[('  Terms side by side must all hold; OR, -not, (groups), "quotes", glob*, /regex/.', "dim")]]
    for name, meaning in FIELDS.items():
        first, *rest = wrap(meaning, _WIDTH - 18)
        lines.append([(fit(f"  {name}", 18), "strong"), (first, "dim")])
        lines += [[(" " * 18 + text, "dim")] for text in rest]
    lines.append([("  e.g.  state:deferred reason:timeout age>2h -from:news@", "")])
    return lines


_MOVING = (
    ("j k g G", "Move", "Also arrows, page up and down, home and end."),
    ("J K", "Mark range", "Also shift with the arrows."),
)


def _keys(actions: Iterable[Action], keymap: Mapping[str, str]) -> Iterator[list[Piece]]:
    for action in actions:
        keys = keymap.get(action.id, action.keys)
        shown = " ".join(cap(key) for key in keys.split(",")) if keys else f":{action.id}"
        yield from _row(shown, action.label, action.help)


def _row(keys: str, label: str, text: str) -> Iterator[list[Piece]]:
    first, *rest = wrap(text, _WIDTH - 30)
    yield [(fit(f"  {keys}", 16), "strong"), (fit(label, 14), ""), (first, "dim")]
    for line in rest:
        yield [(" " * 30 + line, "dim")]


def commands(log: CommandLog) -> Sheet:
    """The command log, oldest first."""
    lines: Sheet = []
    for entry in log.entries:
        at = time.strftime("%H:%M:%S", time.localtime(entry.at))
        took = "" if entry.duration is None else f"{entry.duration:.2f} s"
        first, *rest = wrap(clean(str(entry)), _WIDTH - 20)
        lines.append([(f"{at} {took:>8}  ", "dim"), (first, "")])
        lines += [[(" " * 19 + text, "")] for text in rest]
        if entry.returncode:
            lines.append([(" " * 19 + f"exit code {entry.returncode}", "warning")])
    return lines or [[("Nothing has run yet.", "dim")]]


_ROLES = {Result.DONE: "dim", Result.GONE: "", Result.CHANGED: "warning", Result.FAILED: "danger"}


def receipts(outcome: Outcome) -> Sheet:
    """What became of each message: what was not done first."""
    tally = outcome.tally()
    summary = " · ".join(f"{count(tally[result])} {result}" for result in Result if tally[result])
    when = time.strftime("%H:%M:%S", time.localtime(outcome.at))
    lines: Sheet = [[(f"{outcome.verb} at {when}, {outcome.cost:.1f} s: ", ""), (summary, "strong")]]
    lines += [[(f"ran: {command}", "dim")] for command in outcome.commands]
    lines += [[(note, "warning")] for note in outcome.notes]
    order = [Result.FAILED, Result.CHANGED, Result.GONE, Result.DONE]
    for receipt in sorted(outcome.receipts, key=lambda receipt: order.index(receipt.result)):
        lines.append(
            [
                (fit(receipt.id, 18), ""),
                (fit(receipt.result, 9), _ROLES[receipt.result]),
                (receipt.text, "dim"),
            ]
        )
    return lines


def wrapped(text: str) -> Sheet:
    """Words that are longer than a line."""
    return [[(line, "")] for part in clean(text, lines=True).splitlines() for line in wrap(part, _WIDTH)]


def to_copy(message: Message) -> dict[str, str]:
    """What of a message can be copied, by name; nothing empty."""
    reasons = dict.fromkeys(recipient.reason for recipient in message.recipients if recipient.reason)
    things = {
        "ID": message.id,
        "sender": message.sender,
        "recipient": ", ".join(recipient.address for recipient in message.recipients),
        "reason": "; ".join(reasons),
        "origin": message.client_ip,
        "login": message.sasl_user,
    }
    return {name: clean(text) for name, text in things.items() if text}

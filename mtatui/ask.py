"""What is said before a verb acts (its blast radius, what becomes of the messages, the command) and after.

A handful of messages is held, released or tried again at once: that can be taken back. Deleting asks always,
and so does what cannot be taken back; from `LARGE` messages on, the count itself must be typed.
"""

from __future__ import annotations

import time
from collections import Counter

from mtatui.queue.message import State
from mtatui.queue.selection import BlastRadius, Outcome, Result, Selection
from mtatui.text import ago, clean, count, size
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, VERBS, Danger, Verb

#: From this many messages on the count must be typed.
LARGE = 100

_BECOMES = {
    HOLD.id: "No delivery is tried until released. z takes it back.",
    RELEASE.id: "Deferred again, tried at the next retry. z takes it back.",
    REQUEUE.id: "New queue IDs, through cleanup again. This cannot be taken back.",
    BOUNCE.id: "Back to the sender with the reason. This cannot be taken back.",
    DELIVER.id: "Postfix is asked to try now, out of turn.",
    RESTORE.id: "Back on hold (or into corrupt, maildrop), under the same queue ID.",
}
#: Where messages lie, said after their number: "18 deferred, 3 on hold".
_LIES = {
    State.ACTIVE: "active (a delivery under way is not stopped)",
    State.CORRUPT: "corrupt",
    State.DEFERRED: "deferred",
    State.HOLD: "on hold",
    State.INCOMING: "incoming",
    State.MAILDROP: "in maildrop",
    State.TRASH: "in the trash",
}
#: What became of those to which a verb did nothing.
ENDINGS = {
    Result.GONE: "gone meanwhile",
    Result.CHANGED: "changed meanwhile, left alone",
    Result.FAILED: "not done",
}


def asks(verb: Verb, number: int) -> bool:
    """Whether this many messages need a question first."""
    return verb is DELETE or verb.danger is Danger.FINAL or number >= LARGE


def to_type(verb: Verb, number: int) -> str:
    """The count that must be typed, "" where a key is enough."""
    return str(number) if number >= LARGE and verb.danger is not Danger.LOOKS else ""


def title(verb: Verb, number: int) -> str:
    """ "Delete 3,214 messages"."""
    return f"{verb.label} {messages(number)}"


def messages(number: int) -> str:
    """ "1 message", "3,214 messages"."""
    return f"{count(number)} message{'' if number == 1 else 's'}"


def question(verb: Verb, selection: Selection, radius: BlastRadius, *, kept_days: int) -> list[str]:
    """The lines of the dialog, clean; each says one thing."""
    now = int(selection.at)
    frozen = time.strftime("%H:%M:%S", time.localtime(selection.at))
    domains = f"{count(radius.domain_count)} domain{'' if radius.domain_count == 1 else 's'}"
    senders = f"{count(radius.sender_count)} sender{'' if radius.sender_count == 1 else 's'}"
    plural = "" if radius.recipients == 1 else "s"
    about = f"{size(radius.bytes)}"
    if radius.oldest:
        about += f" · oldest {ago(now - radius.oldest)}"
    if radius.partly_served:
        about += f" · {count(radius.partly_served)} partly delivered"
    lines = [f"{clean(selection.chosen_by)}   frozen at {frozen}"]
    if radius.recipients:
        lines.append(f"  {count(radius.recipients)} recipient{plural} at {domains}  ({_few(radius.domains)})")
        lines.append(f"  from {senders}  ({_few(radius.senders)})")
    lines.append(f"  {about}")
    if len(radius.servers) > 1:
        lines.append(f"  on {count(len(radius.servers))} servers  ({_few(radius.servers)})")
    elif radius.servers:
        lines.append(f"  on {clean(radius.servers[0][0])}")
    states = Counter(target.state for target in selection.targets)
    if len(states) > 1 or State.ACTIVE in states:
        lie = (f"{count(number)} {_LIES[state]}" for state, number in states.most_common())
        lines.append(f"  {', '.join(lie)}")
    if verb is DELETE:
        until = time.strftime("%a %d %b", time.localtime(selection.at + kept_days * 86400))
        lines.append(f"Into the trash; can be restored until {until}.")
    else:
        lines.append(_BECOMES[verb.id])
    runs = command(verb, set(states) == {State.CORRUPT})
    named = len(selection) - states[State.CORRUPT]  # those it refuses go another way
    ids = f"{count(named)} queue {'ID' if named == 1 else 'IDs'}"
    how = f"   ({ids} on stdin)" if runs.startswith("postsuper") else ""
    lines.append(f"Runs: {runs}{how}")
    return lines


def did(outcome: Outcome) -> str:
    """What was done, in words that hold for every message it was done to."""
    verb = VERBS.get(outcome.verb)
    if verb is None:
        return outcome.verb
    if verb is RESTORE and any(r.text != verb.done for r in outcome.receipts if r.result is Result.DONE):
        return "restored"  # some of them to where they were, not on hold
    return verb.done


def command(verb: Verb, only_corrupt: bool) -> str:
    """The command a verb comes down to, as a person would type it."""
    if only_corrupt and verb is DELETE:
        return "mv corrupt/ID mtatui/trash/   (postsuper refuses corrupt/)"
    if verb is DELIVER:
        return "postqueue -i ID"
    if verb is RESTORE:
        return "ln mtatui/trash/ID hold/ID"
    return " ".join((f"postsuper -{verb.postsuper} -", *verb.directories))


def _few(counted: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{clean(name) or '<>'} {count(number)}" for name, number in counted[:2]) + (
        " …" if len(counted) > 2 else ""
    )

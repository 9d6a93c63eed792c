"""Which verb fits messages in which states: what a key says before it is pressed."""

from __future__ import annotations

from mtatui.queue.message import State
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, RESTORE, Verb


def misfit(verb: Verb, states: set[State]) -> str:
    """Why a verb fits none of these states; a mixture is sorted out by receipts."""
    if not states:
        return ""
    if states == {State.TRASH} and verb is not RESTORE:
        return "that is in the trash; u restores it"
    if verb is RESTORE and State.TRASH not in states:
        return "only what is in the trash can be restored"
    if states == {State.MAILDROP} and verb is not DELETE:
        return "still in maildrop: pickup(8) takes it in first"
    if states == {State.HOLD} and verb is HOLD:
        return "already on hold"
    if verb is RELEASE and not states & {State.HOLD, State.CORRUPT}:
        return "only held messages can be released"
    if states == {State.CORRUPT} and verb in (BOUNCE, DELIVER):
        return "it is corrupt, Postfix cannot read it; hold, release or delete it"
    return ""

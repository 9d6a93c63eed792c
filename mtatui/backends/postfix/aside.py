"""Messages in the middle of a delivery: put on hold under another queue ID, from where every verb is safe.

Why, and how: `mtatui.backends.postfix.spool.aside`. Which message gets which queue ID is in the journal
before it happens. It all blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mtatui.backends.child import Answer, Found, Hands, Request, found
from mtatui.backends.host import HostError
from mtatui.backends.journal import Journal
from mtatui.backends.postfix.run import Run
from mtatui.queue.message import State
from mtatui.verbs import BOUNCE, DELETE, HOLD

#: Where messages are that Postfix's queue manager has in its memory, or may have at any moment.
MOVING = (State.INCOMING, State.ACTIVE)
#: The verbs that take messages out of deliveries. (A requeue gives them other queue IDs by itself.) A bounce
#: is one, since of a delivery that was broken off qmgr may report half the recipients and forget the rest.
STOPPING = (HOLD, DELETE, BOUNCE)


class Taken(NamedTuple):
    """What came of taking a message out of its delivery."""

    new: str
    """The queue ID that it was to get."""
    answer: Answer
    kept: Answer
    """What came of its link into the trash under that ID, where it is to be deleted."""


def taking(run: Run, journal: Journal, names: Mapping[str, str], items: list[list[Any]]) -> list[Request]:
    """What to ask the hands so that messages are taken out of their deliveries, and ready for postsuper.

    Args:
        names: the queue IDs that they are to get, by those they have.
        items: what is asked for each.
    """
    requests: list[Request] = [journal.renaming(run.outcome.entry, names), ("aside", items)]
    if run.verb is DELETE:
        requests.append(("keep", [(new, State.HOLD) for new in names.values()]))
    elif run.verb is BOUNCE:
        requests.append(("report_all", [[new] for new in names.values()]))
    return requests


def taken(names: Mapping[str, str], answers: list[Any]) -> dict[str, Taken]:
    """What the hands answered to `taking`.

    Raises:
        HostError: they refused it.
    """
    if refused := next((answer for answer in answers[:2] if isinstance(answer, HostError)), None):
        raise refused
    then = answers[2] if len(answers) > 2 else [None] * len(names)
    links = [str(then)] * len(names) if isinstance(then, HostError) else then
    moved = zip(names.items(), answers[1], links, strict=True)
    return {id: Taken(new, answer, link) for (id, new), answer, link in moved}


def take(
    run: Run, hands: Hands, journal: Journal, ids: list[str], kept: list[str], before: Mapping[str, Taken]
) -> list[str]:
    """Take messages out of their deliveries; which of them postsuper is to have then, under their new IDs.

    Args:
        ids: the IDs of targets that are incoming or active.
        kept: those that have been linked into the trash then are added to it.
        before: those with which that was done before.
    """
    names: dict[str, str] = {}
    later = [id for id in ids if id not in before]
    for id, answer in zip(later, hands.each("fresh", later), strict=True):
        if isinstance(answer, list):
            names[id] = answer[0]
        else:
            _not_taken(run, id, answer)
    those = {id: before[id] for id in ids if id in before}
    if names:
        run.fed.update((new, id) for id, new in names.items())  # should there be no answer, nobody knows
        answers = hands.in_turn(*taking(run, journal, names, [[id, new] for id, new in names.items()]))
        for new in names.values():
            del run.fed[new]
        those |= taken(names, answers)
    held = {}
    for id, one in those.items():
        if isinstance(one.answer, list):
            held[one.answer[0]] = id
            if one.answer[0] != id:
                run.names[id] = one.new
        else:
            _not_taken(run, id, one.answer)
    if run.verb is HOLD:
        for name, id in held.items():
            if name == id:
                run.already(id, "was already on hold")
            else:
                run.accomplished(id)
        return []
    _make_ready(run, hands, held, {one.new: one.kept for one in those.values()}, kept)
    go = [name for name, id in held.items() if id not in run.receipts]
    run.fed.update((name, held[name]) for name in go)
    return go


def _make_ready(
    run: Run, hands: Hands, held: dict[str, str], links: Mapping[str, Answer], kept: list[str]
) -> None:
    """See to it that postsuper may have those on hold; also those that somebody else has put there."""
    others = [name for name, id in held.items() if name == id]
    if run.verb is BOUNCE:
        hands.each("report_all", others)
        return
    kept += held  # all that may be there, should there be no answer
    ours = [(name, State.HOLD) for name in held if name not in others]
    looked = found(ours, [links[name] for name, _ in ours])
    if others:
        looked += hands.keep([(name, State.HOLD) for name in others])
    for name, answer in zip([*(name for name, _ in ours), *others], looked, strict=True):
        if not isinstance(answer, Found):
            _not_taken(run, held[name], answer)


def _not_taken(run: Run, id: str, answer: object) -> None:
    if answer is None:
        run.gone(id, "left the queue meanwhile (delivered, returned or deleted)")
    else:
        run.failed(id, f"not done: {answer}")

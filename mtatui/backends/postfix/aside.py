"""Messages in the middle of a delivery: put on hold under another queue ID, from where every verb is safe.

Why, and how: `mtatui.backends.postfix.spool.aside`. Which message gets which queue ID is in the journal
before it happens. It all blocks.
"""

from __future__ import annotations

from mtatui.backends.child import Found, Hands
from mtatui.backends.journal import Journal
from mtatui.backends.postfix.run import Run
from mtatui.queue.message import State
from mtatui.verbs import BOUNCE, DELETE, HOLD

#: Where messages are that Postfix's queue manager has in its memory, or may have at any moment.
MOVING = (State.INCOMING, State.ACTIVE)
#: The verbs that take messages out of deliveries. (A requeue gives them other queue IDs by itself.) A bounce
#: is one, since of a delivery that was broken off qmgr may report half the recipients and forget the rest.
STOPPING = (HOLD, DELETE, BOUNCE)


def take(run: Run, hands: Hands, journal: Journal, ids: list[str], kept: list[str]) -> list[str]:
    """Take messages out of their deliveries; which of them postsuper is to have then, under their new IDs.

    Args:
        ids: the IDs of targets that are incoming or active.
        kept: those that have been linked into the trash then are added to it.
    """
    names: dict[str, str] = {}
    for id, answer in zip(ids, hands.each("fresh", ids), strict=True):
        if isinstance(answer, list):
            names[id] = answer[0]
        else:
            _not_taken(run, id, answer)
    if not names:
        return []
    journal.rename(run.outcome.entry, names)
    held = {}
    run.fed.update((new, id) for id, new in names.items())  # should there be no answer, nobody knows
    answers = hands.ask("aside", list(names.items()))
    for (id, new), answer in zip(names.items(), answers, strict=True):
        del run.fed[new]
        if isinstance(answer, list):
            held[answer[0]] = id
            if answer[0] != id:
                run.names[id] = answer[0]
        else:
            _not_taken(run, id, answer)
    if run.verb is HOLD:
        for name, id in held.items():
            if name == id:
                run.already(id, "was already on hold")
            else:
                run.accomplished(id)
        return []
    if run.verb is BOUNCE:
        hands.each("report_all", held)
    else:
        kept += held  # all that may be there, should there be no answer
        for name, found in zip(held, hands.keep([(name, State.HOLD) for name in held]), strict=True):
            if not isinstance(found, Found):
                _not_taken(run, held[name], found)
    go = [name for name, id in held.items() if id not in run.receipts]
    run.fed.update((name, held[name]) for name in go)
    return go


def _not_taken(run: Run, id: str, answer: str | None) -> None:
    if answer is None:
        run.gone(id, "left the queue meanwhile (delivered, returned or deleted)")
    else:
        run.failed(id, f"not done: {answer}")

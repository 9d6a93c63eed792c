"""What came of the messages that postsuper was given: by its lines, and where it said nothing by a look."""

from __future__ import annotations

from mtatui.backends.child import Found, Hands, Request, found
from mtatui.backends.host import HostError
from mtatui.backends.postfix import aside
from mtatui.backends.postfix.run import Run, conclude


def find_out(run: Run, hands: Hands, kept: list[str], doubtful: list[str]) -> list[str]:
    """Receipts for all that postsuper was given; what it said nothing about is looked for. It blocks.

    Links in the trash are taken back from whatever was not deleted. The last link of a message goes only
    if postsuper came to its end and did not name it, or never had it: then it was delivered or returned.

    Args:
        kept: what this act has linked into the trash. Other things there are none of its business.
        doubtful: what it may have linked: the answer was lost.

    Returns:
        Those without a receipt yet: they went into a delivery before postsuper came to them.
    """
    open = {name: id for name, id in run.fed.items() if id not in run.receipts}
    silent = []
    for name, id in open.items():
        if name in run.said:
            run.accomplished(id)
        else:
            silent.append(name)
            if id != name:  # it may never have been given its new queue ID
                silent.append(id)
    did = {run.names.get(id, id) for id in run.did}
    links = [name for name in kept if name not in did]
    ended = [1 if run.ended_well or name not in run.fed else 0 for name in links]
    looks = [(name, run.states[open.get(name, name)]) for name in silent]
    # In one breath: over a long line each question takes its time.
    requests: list[Request] = []
    if looks:
        requests.append(("identify", looks))
    if links:
        requests.append(("drop", [list(item) for item in zip(links, ended, strict=True)]))
    if doubtful:
        requests.append(("drop", [[id] for id in doubtful]))
    answers = hands.in_turn(*requests) if requests else []
    if refused := next((answer for answer in answers if isinstance(answer, HostError)), None):
        raise refused
    there = dict(zip(silent, found(looks, answers.pop(0)), strict=True)) if looks else {}
    late = []
    for name, id in open.items():
        if name not in there:
            continue
        answer = there[name] if there[name] is not None else there[id]
        if name != id and isinstance(there[name], Found):
            run.names[id] = name
        moving = isinstance(answer, Found) and answer.state in aside.MOVING
        if moving and run.verb in aside.STOPPING and (same := run.same(id, answer)):
            run.states[id] = same.state
            del run.fed[name]
            late.append(id)
        else:
            conclude(run, id, answer)
    for name, answer in zip(links, answers.pop(0) if links else [], strict=True):
        if answer == ["last"]:
            text = "deleted or delivered: postsuper died over it. A copy is in the trash"
            run.gone(run.fed[name], text)
    kept.clear()
    return late

"""The corrupt directory, which postsuper refuses: its messages go through hold, or into the trash.

A message is moved to hold under its own ID, and postsuper does the rest from there. It all blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

from mtatui.backends.child import Answer, Hands
from mtatui.backends.postfix.run import Run
from mtatui.verbs import DELETE, HOLD


def take(
    run: Run, hands: Hands, ids: list[str], misfits: list[str], before: Mapping[str, Answer]
) -> list[str]:
    """Take messages out of the corrupt directory; which of them postsuper is to have then.

    Args:
        ids: messages that were found corrupt; to be deleted, they are in the trash already.
        misfits: those whose names do not fit their inodes, and that stay on hold, are added to it.
        before: what came of those with which that was done before.
    """
    operation = "discard" if run.verb is DELETE else "free"
    later = [id for id in ids if id not in before]
    answers = dict(before) | dict(zip(later, hands.each(operation, later), strict=True))
    go = []
    for id in ids:
        answer = answers[id]
        if answer is None:
            run.gone(id)
        elif isinstance(answer, str):
            run.failed(id, f"not done: {answer}")
        elif run.verb is DELETE:
            run.done(id, f"{run.verb.done}, out of the corrupt directory")
        elif run.verb is HOLD:
            run.done(id, f"{run.verb.done}, out of the corrupt directory")
            if not answer[0]:
                misfits.append(id)
        else:
            go.append(id)
    return go

"""Takes a change back: the files first, whatever else may fail; then Postfix, if it ran; then the outcome is
written down. It may be interrupted at any point and done again."""

import contextlib
import time

from . import files, master, revive, room
from .tell import Stop, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from .tell import Teller


def roll_back(entry: "room.Entry", teller: "Teller", why: str, interrupted: bool = False) -> "Dict[str, Any]":
    """Take an entry back, and say how it ended; only with the lock."""
    document = entry.document
    untouched = entry.state().get("phase") == room.BEGUN
    teller.step("roll back", "begins", why)
    lost, failed = [], []
    for file in reversed(document["files"]):
        try:
            files.restore(entry, file)
        except OSError as error:
            lost.append(file)
            failed.append(words(error))
    if lost:
        outcome = "broken"
        text = "%s The old configuration could not be put back (%s). By hand, as root: %s; postfix reload" % (
            why, "; ".join(failed), files.by_hand(entry, lost),
        )  # fmt: skip
    elif untouched:
        outcome, text = "rolled back", why + " Nothing had been changed yet."
    else:
        outcome, text = _revive(document, teller, why)
    teller.step("roll back", "failed" if outcome == "broken" else "done", text)
    return end(entry, outcome, text, interrupted=interrupted)


def end(entry: "room.Entry", outcome: str, text: str, **more: "Any") -> "Dict[str, Any]":
    """Say how an entry ended, as well as can be."""
    state = dict(more, outcome=outcome, text=text, at=time.time())
    with contextlib.suppress(OSError):  # an entry without an outcome is looked into again
        entry.note(**state)
    return state


def _revive(document: "Dict[str, Any]", teller: "Teller", why: str) -> "tuple[str, str]":
    if not document["running"]:
        return (
            "rolled back",
            why + " The old configuration is back. Postfix does not run, and did not before.",
        )
    log = master.Log(document["log"])
    try:
        revive.reload(document, teller, "roll back", start=True)
        trouble = revive.trouble(document, log)
    except (Stop, OSError) as error:
        trouble = [words(error)]
    if trouble:
        return "broken", (
            "%s The old configuration is back, but Postfix is not well: %s. Look at its log; "
            "then, as root: postfix reload, or postfix stop and postfix start" % (why, "; ".join(trouble))
        )
    return "rolled back", why + " The old configuration is back, and Postfix answers."

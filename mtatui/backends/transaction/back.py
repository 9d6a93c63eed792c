"""Takes a change back: the files first, whatever else may fail; then Postfix and the daemons beside it, if
they ran; then the outcome is written down. It may be interrupted at any point and done again."""

import contextlib
import re
import time

from . import daemons, files, maillog, master, revive, room, standstill
from .tell import Stop, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from .tell import Teller

#: Seconds after which a service must answer again: master(8) waits with one that has died at its start, a
#: minute unless main.cf says otherwise (service_throttle_time), whatever is reloaded meanwhile.
THROTTLED = 75.0
ATTEMPTS = 2


def roll_back(
    entry: "room.Entry", teller: "Teller", why: str, *, interrupted: bool = False, start: bool = False
) -> "Dict[str, Any]":
    """Take an entry back, and say how it ended; only with the lock.

    Args:
        interrupted: whoever applied it came to a sudden end.
        start: a Postfix that does not run any more has died of this change: start it again. Else somebody may
            have stopped it, or the machine has just come up.
    """
    document = entry.document
    phase = entry.state().get("phase")
    untouched = phase == room.BEGUN
    # Since the machine came up nobody but we has had the daemons take anything: what died, died of it.
    start_others = start or (phase == room.TOUCHING and document.get("boot") == room.boot())
    teller.step("roll back", "begins", why)
    lost, failed = [], []
    for file in reversed(document["files"]):
        try:
            kept = files.restore(entry, file)
            if kept:
                why += " What was written to %s meanwhile is kept in %s." % (file["path"], kept)
        except OSError as error:
            lost.append(file)
            failed.append(words(error))
    if lost:
        outcome = "broken"
        after = ["postfix reload"] if document["reload"] else []
        after += filter(None, map(daemons.by_hand, document.get("care", [])))
        text = "%s The old configuration could not be put back (%s). By hand, as root: %s" % (
            why, "; ".join(failed), "; ".join([files.by_hand(entry, lost), *after]),
        )  # fmt: skip
    elif untouched:
        outcome, text = "rolled back", why + " Nothing had been changed yet."
    else:
        outcome, text = _revive_all(document, teller, why, start, start_others)
    teller.step("roll back", "failed" if outcome == "broken" else "done", text)
    return end(entry, outcome, text, interrupted=interrupted)


def end(entry: "room.Entry", outcome: str, text: str, **more: "Any") -> "Dict[str, Any]":
    """Say how an entry ended, as well as can be. The staged copy, in which there may be keys, goes."""
    room.remove(entry.file("stage"))
    state = dict(more, outcome=outcome, text=text, at=time.time())
    with contextlib.suppress(OSError):  # an entry without an outcome is looked into again
        entry.note(**state)
    return state


def _revive_all(
    document: "Dict[str, Any]", teller: "Teller", why: str, start: bool, start_others: bool
) -> "Tuple[str, str]":
    """Have all work with the old files: the outcome, in a word and in words. First Postfix, which may have
    been told to ask what only the new files of others would have offered."""
    outcome, text = "rolled back", why + " The old configuration is back"
    if document["reload"]:
        outcome, text = _revive(document, teller, text, start)
    for care in document.get("care", []):  # entries of an older version have none
        name, trouble = care["service"], daemons.take_back(care, teller, start_others)
        text = text.rstrip(".")
        if trouble:
            outcome = "broken"
            text += ". %s is not well with it: %s. Look at its log; then, as root: %s" % (
                name, trouble, daemons.by_hand(care),
            )  # fmt: skip
        elif not daemons.runs(care):
            text += ". %s does not run, and is not started: it reads this when it starts" % name
        elif care["take"] and not care["unwell"]:
            text += ", and %s is well" % name
    return outcome, text.rstrip(".") + "."


def _revive(document: "Dict[str, Any]", teller: "Teller", why: str, start: bool) -> "Tuple[str, str]":
    """Have Postfix work with the old files: the outcome, in a word and in words."""
    if not master.pid(document["queue"]) and not (start and document["running"]):
        return (
            "rolled back",
            why + ". Postfix does not run, and is not started: it reads this when it starts.",
        )
    if " died (" in why:
        teller.step("roll back", "told", "master waits up to a minute until it starts again what has died")
    trouble = []
    for _ in range(ATTEMPTS):
        # What died of the new configuration may be heard of only now: the second reload knows only the old.
        standstill.free(document["queue"])
        try:
            log = maillog.log(document["queue"], document["log"])
            revive.reload(document, log, teller, "roll back", start=True)
            trouble = revive.trouble(document, log, THROTTLED)
        except (Stop, OSError) as error:
            trouble = [words(error)]
        if not trouble:
            later = re.search(r"\b(?!smtpd |postscreen )\S+ died \(", why)
            waits = "; master starts again within a minute what has died" if later else ""
            return "rolled back", why + ", and Postfix answers%s." % waits
    return "broken", (
        "%s, but Postfix is not well: %s. Look at its log; "
        "then, as root: postfix reload, or postfix stop and postfix start" % (why, "; ".join(trouble))
    )

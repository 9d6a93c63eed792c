"""Has the daemons beside Postfix take the files that were changed for them, and finds out whether they are
well afterwards. Each brings its own commands and its own sign of life: see `Care` in mtatui.settings.plan.

None is told twice in a row without having answered in between: a second reload half a second after the first
kills amavisd. One that does not run is not started; one that was not well before need not be well after.
"""

import re
import time

from ..looking import protocols
from . import revive
from .ownlog import Hearing
from .run import run
from .tell import Stop, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from .stage import Stage
    from .tell import Teller

    Care = Dict[str, Any]

#: Seconds in which it must answer one question: a daemon at work lets others wait.
ASK = 10.0
#: Answers in a row that are wanted, and seconds between them: what is about to end may answer once more.
ROUNDS = 3
PAUSE = 0.4
#: Seconds after which one that does not run need not be waited for: its process ID is written down late.
GONE = 3.0
#: Seconds between two words about one that is waited for.
WORD = 15.0
#: Characters of an explanation that are told.
EXPLAINED = 600
#: Seconds in which its log must say anything, where it tells that it begins anew; it may be elsewhere, too.
HEARD = 15.0
#: Attempts to have one take the old files.
ATTEMPTS = 2

#: The protocols of `mtatui.backends.looking`, by the kinds of probes.
_PROTOCOLS = {"amavis": "smtp"}


def look(care: "Care") -> "Care":
    """A care as an entry keeps it: whether the daemon runs before the change, and what is wrong with it."""
    running = runs(care)
    return dict(care, runs=running, unwell=wrong(care) if running else "")


def runs(care: "Care") -> bool:
    """Whether it runs. What nobody can tell is taken to be so."""
    what = care["running"]
    if what is None:
        return True
    try:
        return run(what["argv"], what["timeout"])[0] in what["statuses"]
    except OSError:
        return False


def wrong(care: "Care") -> str:
    """What is wrong with its answer, "" where nothing is. Of one that cannot be asked: whether it runs."""
    probe = care["probe"]
    if probe is None:
        return "" if runs(care) else "does not run any more"
    address = probe["address"]
    place = {"host": address, "port": probe["port"]} if probe["port"] else {"paths": [address]}
    kind = _PROTOCOLS.get(probe["kind"], probe["kind"])
    answer = protocols.ask({"protocol": kind, "place": place, "tls": probe["tls"]}, ASK)
    return "" if answer["ok"] else str(answer["text"])


def check(care: "Care", teller: "Teller", halt: "Callable[[], str]", stage: "Stage") -> None:
    """Have the staged files checked.

    Raises:
        Stop: they are no good, in the words of the check.
        OSError: it could not be started.
    """
    for what in care["checks"]:
        revive.command(what, list, teller, "check", halt, stage)


def take(care: "Care", teller: "Teller", heed: "Callable[[], None]") -> str:
    """Have it take the new files, and wait until it answers: what came of it, in words.

    Args:
        heed: raises what shall end the waiting.

    Raises:
        Stop: it is not well with them, in its own words.
        OSError: a command could not be started.
    """
    name = care["service"]
    if not care["runs"]:
        return "%s does not run, and is not started: it reads this when it starts" % name
    if not care["take"]:
        return care["words"] or "nothing to be done for %s" % name
    try:
        _told(care, care["take"], teller, "reload", heed)
    except Stop as stop:
        if not care["unwell"]:
            raise
        teller.step("reload", "told", "%s (it was not well before: %s)" % (stop, care["unwell"]))
        return "%s was not well before, and is not now" % name
    return "%s answers" % name if care["probe"] is not None else "%s has taken it" % name


def asked_after(care: "Care") -> bool:
    """Whether it has taken the new files, and must be well with them since it was before."""
    return bool(care["runs"] and care["take"] and not care["unwell"] and _asked(care))


def take_back(care: "Care", teller: "Teller", start: bool) -> str:
    """Have it take the old files: what is wrong with it then, in words, "" where nothing is.

    Args:
        start: one that ran before the change and does not now, has died of it. Else somebody may have stopped
            it, or the machine has just come up.
    """
    commands = care["back"] or care["take"]
    running = runs(care)
    if not commands or not (running or (start and care["runs"])):
        return ""
    text = ""
    for _ in range(ATTEMPTS):
        try:
            # It may be at the new files still.
            if running and _asked(care) and not care["unwell"]:
                _answer(care, teller, "roll back", _nothing)
            _told(care, commands, teller, "roll back", _nothing)
            return ""
        except (Stop, OSError) as error:
            text = words(error)
            if care["unwell"]:
                return ""
            running = runs(care)
    return text


def longest(cares: "List[Care]") -> float:
    """Seconds that all this may take, at most."""
    checks = sum(check["timeout"] for care in cares for check in care["checks"])
    return float(checks + sum(_longest(care, care["take"]) for care in cares))


def longest_back(cares: "List[Care]") -> float:
    """Seconds that the way back may take, at most."""
    return float(ATTEMPTS * sum(_longest(care, care["back"] or care["take"]) for care in cares))


def by_hand(care: "Care") -> str:
    """The commands with which a person has it take its files, or what to do instead."""
    return "; ".join(what["called"] for what in care["back"] or care["take"]) or str(care["words"])


def _longest(care: "Care", commands: "List[Any]") -> float:
    one = care["patience"] + ASK + (care["running"] or {"timeout": 0.0})["timeout"]
    heard = max(HEARD, care["patience"]) * len([one for one in commands if one.get("awaits")])
    return float(sum(command["timeout"] for command in commands) + heard + one * (len(commands) + 1))


def _told(
    care: "Care", commands: "List[Any]", teller: "Teller", step: str, heed: "Callable[[], None]"
) -> None:
    """Run the commands, and wait for its answer after each.

    Raises:
        Stop: one has failed, or it does not answer; in its own words.
    """
    for what in commands:
        heed()
        hearing = Hearing(care)
        try:
            revive.command(what, hearing.complaints, teller, step)
        except Stop as stop:
            raise Stop("rolled back", _with(stop.text, care, hearing)) from None
        _hear(care, what, hearing, heed)
        if _asked(care):
            text = _answer(care, teller, step, heed)
            if text:
                why = "%s does not answer any more: %s" % (care["service"], text)
                raise Stop("rolled back", _with(why, care, hearing))
        no = _said(what["refuses"], hearing)
        if no:
            raise Stop("rolled back", "%s says: %s" % (care["service"], "; ".join(no[-3:])[:900]))


def _hear(care: "Care", what: "Any", hearing: "Hearing", heed: "Callable[[], None]") -> None:
    """Wait until its log says that it has begun anew, or will not. A log that speaks is listened to as long
    as the daemon may take (clamd loads signatures for a minute); one that is silent is elsewhere."""
    awaits = what.get("awaits")  # not in an entry that an older program has written
    begun = time.monotonic()
    while awaits and not _said(awaits, hearing) and not _said(what["refuses"], hearing):
        spoken = bool(hearing.lines())
        if time.monotonic() - begun > (care["patience"] if spoken else HEARD) or (spoken and not runs(care)):
            return
        heed()
        time.sleep(PAUSE)


def _said(pattern: str, hearing: "Hearing") -> "List[str]":
    """The lines of its log that match."""
    return [line for line in hearing.lines() if re.search(pattern, line)] if pattern else []


def _asked(care: "Care") -> bool:
    """Whether there is any way to find out how it is."""
    return care["probe"] is not None or care["running"] is not None


def _with(text: str, care: "Care", hearing: "Hearing") -> str:
    """What is wrong, and what the daemon itself says of it, unless it was said already."""
    own = "; ".join(line for line in hearing.complaints() if line not in text) or _explained(care)
    return text.rstrip(".") + ("; its own words: " + own if own else "")


def _explained(care: "Care") -> str:
    """What a daemon that does not run says when it is asked why."""
    what = care["explain"]
    if what is None or runs(care):
        return ""
    try:
        return " ".join(run(what["argv"], what["timeout"])[1].split())[:EXPLAINED]
    except OSError:
        return ""


def _answer(care: "Care", teller: "Teller", step: str, heed: "Callable[[], None]") -> str:
    """Wait until it answers several times in a row: "", or what is wrong when that takes too long."""
    begun = told = time.monotonic()
    gone = 0.0  # since when it does not run
    well = 0
    while True:
        heed()
        text = wrong(care)
        now = time.monotonic()
        well = 0 if text else well + 1
        if well >= ROUNDS:
            return ""
        if text:
            gone = (gone or now) if not runs(care) else 0.0
            if now - begun > (0 if care["unwell"] else care["patience"]) or (gone and now - gone > GONE):
                return text
            if now - told > WORD:
                told = now
                teller.step(step, "told", "%s is waited for: %s" % (care["service"], text))
        time.sleep(PAUSE)


def _nothing() -> None:
    """Heed nothing: what is done now must come to its end."""

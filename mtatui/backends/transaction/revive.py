"""Has Postfix take its configuration anew, and finds out whether it is well afterwards."""

import re

from . import maillog, master, probe
from .run import run
from .standstill import Standstill
from .tell import Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from .stage import Stage
    from .tell import Teller

    Command = Dict[str, Any]
    Document = Dict[str, Any]

#: Lines of a command's answer that are told.
LINES = 6
#: What smtpd(8) says when it is well is nothing to tell.
_REPLY = re.compile(r"[245]\d\d[ -]")


def command(
    what: "Command",
    complaints: "Callable[[], List[str]]",
    teller: "Teller",
    step: str,
    halt: "Callable[[], str]" = lambda: "",
    stage: "Optional[Stage]" = None,
) -> None:
    """Run one command of a plan, and tell what it says.

    Args:
        complaints: what logs say of why it failed, if it says so nowhere else, as smtpd(8) does.
        halt: asked again and again why it shall be stopped, "" if it need not be.
        stage: where the copies are that it may be about.

    Raises:
        Stop: it says no, in words: its own.
    """
    argv = [stage.word(word) for word in what["argv"]] if stage is not None else what["argv"]
    teller.step(step, "told", "", what["called"])
    status, said = run(
        argv, what["timeout"], what["input"].encode("utf-8", "surrogateescape"), lambda: bool(halt())
    )
    said = stage.hide(said) if stage is not None else said
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    no = [line for line in lines if what["refuses"] and re.search(what["refuses"], line)]
    if status is None:
        no = no or [halt() or "it did not end within %g seconds" % what["timeout"]]
    elif status not in what.get("statuses", (0,)):
        no = no or lines[-LINES:] or complaints()[-1:] or ["exit status %d" % status]
    if no:
        raise Stop("refused", "%s failed: %s" % (what["called"], "; ".join(no[:LINES])[:1500]))
    worth = [line for line in dict.fromkeys(lines) if not _REPLY.match(line)]
    for line in worth[:LINES]:
        teller.step(step, "told", line[:400])


def reload(
    document: "Document", log: "maillog.Log", teller: "Teller", step: str, *, start: bool = False
) -> None:
    """Reload, of a Postfix that ran before the change. One that has died of it is started again if that is
    wanted (and the change taken back).

    Raises:
        Stop: that failed.
        OSError: a command could not be started.
    """
    dead = not master.pid(document["queue"])
    still = Standstill(document["queue"])
    for what in document["reload"]:
        now = what
        if dead and start and what["argv"][-1] == "reload":
            called = re.sub("reload$", "start", what["called"])
            now = dict(what, argv=[*what["argv"][:-1], "start"], called=called)
        command(now, log.complaints, teller, step, still.words)


def trouble(document: "Document", log: "maillog.Log", patience: float = probe.TROUBLE) -> "List[str]":
    """What is wrong with a Postfix that ran before, in words, after its reload. What did not answer before
    the change need not answer after it."""
    probes = [one for one in document["probes"] if probe.called(one) not in document["unwell"]]

    queue = document["queue"]
    still = Standstill(queue)

    def worse() -> bool:
        return bool(log.deaths() or still.words()) or not master.pid(queue)

    found = ["%s %s" % answer for answer in probe.ask_all(probes, probe.ROUNDS, patience, worse)]
    found += log.deaths()
    if still.words():
        found.append(still.words())
    if not master.pid(queue):
        found.insert(0, "Postfix does not run any more")
    return found

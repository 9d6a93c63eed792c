"""Has SpamAssassin score a message, without a question to the network about it.

By a spamd that keeps to itself (see `judging.daemons`), else by the command ``spamassassin --local``. The
command runs as the account that the filter has (its Bayes database is the one that counts), never as root,
and learns nothing. Sources: spamd's PROTOCOL file; spamassassin-run(1p); Mail::SpamAssassin::Conf(3).
"""

import os
import re
import uuid

from . import commands, daemons
from .talk import Silent, Talk, Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pwd
    from typing import Any, Callable, Dict, List, Optional

    Say = Callable[[str], None]
    Notes = List[str]

#: Seconds for a PONG: a spamd that stands still is not waited for long, for there is another way.
QUICK = 5.0
#: Bytes of a report that are read.
LONGEST = 1 << 20

_SPAM = re.compile(rb"^Spam:\s*(?:True|False|Yes|No)\s*;\s*(-?[\d.]+)\s*/\s*(-?[\d.]+)", re.I | re.M)
_RULE = re.compile(rb"^[ *]{0,5}-?\d+(?:\.\d+)?[ \t]+[A-Za-z_]\w*[ \t]", re.M)
#: What a scan must not leave behind (each where its plugin is there).
_LEARN_NOTHING = (
    "bayes_auto_learn 0",
    "bayes_auto_expire 0",
    "ifplugin Mail::SpamAssassin::Plugin::AWL\nuse_auto_whitelist 0\nendif",
    "ifplugin Mail::SpamAssassin::Plugin::TxRep\nuse_txrep 0\nendif",
)


def score(message: bytes, asked: "Dict[str, Any]", say: "Say") -> "Dict[str, Any]":
    """What SpamAssassin says of a message.

    Args:
        asked: ``size`` (bytes that are scored; the rest is left out) and ``patience`` in seconds.
        say: hears what is being done.

    Returns:
        ``points``, ``required``, ``summary`` (the table of rules), ``scores`` (``RULE=points,…`` or ""),
        ``by`` (who scored it), ``notes``, ``cut`` (only a part was scored); or ``trouble`` in words, and
        ``missing`` where there is nobody to be asked.
    """
    notes = []  # type: Notes
    part = message[: asked["size"]]
    found = None  # type: Optional[Dict[str, Any]]
    places, others = daemons.spamds()
    for place in places:
        try:
            pong = Talk(place, min(QUICK, asked["patience"])).converse([b"PING SPAMC/1.2\r\n\r\n"])
            if not pong.startswith(b"SPAMD/"):
                raise Trouble("does not speak spamd's protocol")
        except Trouble as error:
            notes.append("spamd %s" % error)
            continue
        say("spamd is scoring")
        try:
            found = _by_spamd(place, part, asked["patience"])
        except Silent as error:
            # It is at work on this very message: whoever else is asked would take as long.
            return {"trouble": "spamd %s" % error, "notes": notes}
        except Trouble as error:
            notes.append("spamd %s" % error)
            continue
        break
    if others and not places:
        notes.append("spamd was not asked: without --local it asks the network about a message")
    if found is None:
        say("spamassassin is scoring")
        found = _by_command(part, asked["patience"])
    found["notes"] = notes
    found["cut"] = len(part) < len(message)
    return found


# -- spamd -----------------------------------------------------------------------------------------------


def _by_spamd(place: "Dict[str, Any]", message: bytes, patience: float) -> "Dict[str, Any]":
    head = b"REPORT SPAMC/1.2\r\nContent-length: %d\r\n\r\n" % len(message)
    answer = Talk(place, patience).converse([head, message])
    first, _, rest = answer.partition(b"\r\n")
    header, _, report = rest.partition(b"\r\n\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"SPAMD/"):
        raise Trouble("does not speak spamd's protocol")
    match = _SPAM.search(header)
    if words[1] != b"0" or match is None:
        raise Trouble("refuses: %s" % first.decode("utf-8", "replace")[:200])
    if not _RULE.search(report):
        raise Trouble("names no rules: its report was given another form")
    where = place["paths"][0] if "paths" in place else "%s:%d" % (place["host"], place["port"])
    return {
        "by": "spamd at %s" % where,
        "points": _number(match.group(1)),
        "required": _number(match.group(2)),
        "summary": report.decode("utf-8", "replace"),
        "scores": "",
    }


# -- the command -----------------------------------------------------------------------------------------


def _by_command(message: bytes, patience: float) -> "Dict[str, Any]":
    mark = uuid.uuid4().hex  # so that nothing in a message can pass for a report
    report = (
        "clear_report_template",
        "report %s _SCORE_ _REQD_ _VERSION_" % mark,
        "report %s _TESTSSCORES(,)_" % mark,
        "report _SUMMARY_",
        "report %s" % mark,
        "report_safe 0",
        "report_charset utf-8",
    )
    argv = ["spamassassin", "--local", "--test-mode", "--nocreate-prefs"]
    argv += ["--cf=%s" % line for line in report + _LEARN_NOTHING]
    try:
        # What it prints is the message, and the report behind it.
        most = 2 * len(message) + LONGEST
        ended = commands.run(argv, patience, most, input=message, account=_account())
    except FileNotFoundError:
        return {"trouble": "there is no spamassassin here", "missing": True}
    except OSError as error:
        return {"trouble": "spamassassin could not be started: %s" % error.strerror}
    if ended.late:
        return {"trouble": "spamassassin was not ready within %g s, and was stopped" % patience}
    parts = ended.out.split(mark.encode("ascii"))
    if len(parts) < 4:
        return {"trouble": "spamassassin failed: %s" % (ended.errors or "exit code %d" % ended.code)}
    head, scores = parts[-3].decode("utf-8", "replace").split(), parts[-2].decode("utf-8", "replace")
    scores, _, summary = scores.strip().partition("\n")
    return {
        "by": "spamassassin %s" % (head[2] if len(head) > 2 else ""),
        "points": _number(head[0].encode("utf-8")),
        "required": _number(head[1].encode("utf-8")),
        "summary": summary[:LONGEST],
        "scores": scores[:LONGEST],
    }


def _account() -> "Optional[pwd.struct_passwd]":
    """Who runs the command where we are root."""
    import pwd

    if os.geteuid() != 0:
        return None
    found = {entry.pw_name: entry for entry in daemons.accounts()}
    for name in ("amavis", "vscan", "debian-spamd", "spamd"):
        if name in found:
            return found[name]
    return pwd.getpwnam("nobody")


def _number(data: bytes) -> float:
    try:
        return float(data)
    except ValueError:
        return 0.0

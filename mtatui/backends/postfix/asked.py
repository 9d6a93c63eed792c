"""Has the tables that a change names asked before it is applied: Postfix takes the name of any.

One that is missing, damaged or silent is found by nobody else in time. Neither `postfix check` nor a session
of our own opens it, and from then on clients get 451 4.3.0, all but those of our own networks (smtpd(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import COMPILED, PLAIN, PostfixReading
from mtatui.settings.plan import Command

#: Tables that are named by a path and answer postmap(1): files, and databases whose access a file describes.
_TYPES = (*COMPILED, *PLAIN, "ldap", "mysql", "pgsql", "sqlite")
_TABLE = re.compile(rf"\b((?:proxy:)?)((?:{'|'.join(_TYPES)}):/[^\s,{{}}]+)")
#: What is asked for. That it is not there (exit status 1, and not a word) is an answer.
_KEY = "mtatui"
_NO = r"\b(fatal|panic|error): "


def ask_tables(draft: Draft) -> Iterator[Command]:
    """A question to each table that is named now and was not before, mtatui's own apart."""
    own = f"{draft.before.config_directory}/mtatui/"
    before = _named(draft.before)
    for table in _named(draft.after):
        if table not in before and not table.partition(":")[2].startswith(own):
            argv = ("postmap", "-c", "{stage}", "-q", _KEY, table)
            yield Command(argv, refuses=_NO, statuses=(0, 1))
    lists = _lists(draft.before)
    for path in _lists(draft.after):
        if path not in lists:
            yield Command(("head", "-c", "0", path))


def _lists(reading: PostfixReading) -> list[str]:
    """The files of networks that mynetworks names: just as missed, and just as late."""
    words = re.split(r"[\s,]+", reading.effective("mynetworks"))
    return [path for word in words if (path := word.lstrip("!")).startswith("/")]


def _named(reading: PostfixReading) -> dict[str, None]:
    """The tables that main.cf names, in order; what proxymap(8) would open is opened without it here."""
    values = (reading.lookup(name) or "" for name in reading.main.names())
    return dict.fromkeys(table for value in values for _, table in _TABLE.findall(reading.expanded(value)))

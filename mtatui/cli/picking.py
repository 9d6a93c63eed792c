"""Which of the servers are meant: the grammar of ``--server``.

Words with commas between them: a name (``mx1``), a pattern of names (``mx*``), a tag (``@berlin``, ``@in*``),
or ``all``. What one of the words means is taken, each server once, in the order of the config file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from mtatui.cli.guard import Misused
from mtatui.config import ServerEntry
from mtatui.text import clean

ALL = "all"
#: What must be asked of `fnmatch`, which knows more than is meant here.
_PATTERN = re.compile(r"[*?]")
#: So many names are told in a line.
TOLD = 12


def picked(text: str, entries: Sequence[ServerEntry]) -> list[ServerEntry]:
    """The servers that a ``--server`` means.

    Raises:
        Misused: one of its words means none; the words say which there are.
    """
    meant: set[str] = set()
    words = [word.strip() for word in text.split(",")]
    for word in words:
        names = {entry.name for entry in entries if _means(word, entry)}
        if not names:
            raise Misused(_nobody(word, entries))
        meant |= names
    return [entry for entry in entries if entry.name in meant]


def named(entries: Iterable[ServerEntry] | Iterable[str]) -> str:
    """The names of servers in one line; of very many the first."""
    names = [clean(entry if isinstance(entry, str) else entry.name) for entry in entries]
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more


def _means(word: str, entry: ServerEntry) -> bool:
    if word == ALL:
        return True
    if word.startswith("@"):
        return any(_fits(word[1:], tag) for tag in entry.tags)
    return _fits(word, entry.name)


def _fits(pattern: str, name: str) -> bool:
    if not _PATTERN.search(pattern):
        return pattern == name
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _nobody(word: str, entries: Sequence[ServerEntry]) -> str:
    if word.startswith("@"):
        tags = sorted({tag for entry in entries for tag in entry.tags})
        there = f"there are: {named(tags)}" if tags else "no server has a tag"
        return f"no server has the tag {clean(word[1:])!r}; {there}"
    if not word:
        return "--server takes names with commas between them, NAME,NAME; one of them is empty"
    what = "is called" if not _PATTERN.search(word) else "has a name like"
    import difflib

    near = difflib.get_close_matches(word, [entry.name for entry in entries], 1)
    there = f"did you mean {clean(near[0])}? There are" if near else "there are"
    return f"no server {what} {clean(word)!r}; {there}: {named(entries)}"

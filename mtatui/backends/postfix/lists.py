"""Restriction lists as text: what restrictions stand in them and where, and edits that move nothing else.

Words are separated as smtpd(8) does it (smtpd_check.c, mystrtokq): by blanks, commas and line breaks, but not
within braces. Comment lines between them are no part of the value (postconf(5)) and stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple, Self

#: In the order in which smtpd(8) evaluates them.
LISTS = (
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_etrn_restrictions",
)
SEPARATORS = " \t\r\n,"

#: Restrictions that take the next word as their argument (postconf(5), smtpd_*_restrictions).
_TAKES_ARGUMENT = re.compile(
    r"check_(?:\w+_access|policy_service)"
    r"|reject_rbl_client|reject_rbl|reject_rhsbl_\w+|permit_(?:dnswl|rhswl)_client|sleep",
    re.IGNORECASE | re.ASCII,
)
#: What restrictions were called before Postfix 2.3.
_OLD_NAMES = {
    "reject_unknown_client": "reject_unknown_client_hostname",
    "reject_unknown_hostname": "reject_unknown_helo_hostname",
    "reject_invalid_hostname": "reject_invalid_helo_hostname",
    "reject_non_fqdn_hostname": "reject_non_fqdn_helo_hostname",
    "reject_rbl": "reject_rbl_client",
}
_TRIAL = "warn_if_reject"
_COMMENT = re.compile(r"(?<=\n)[ \t\r\f\v]*#[^\n]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Restriction:
    """One restriction with its argument and the ``warn_if_reject`` in front of it, as one piece of text."""

    name: str
    """As it is written; ``$name`` where another parameter is referred to, ``type:table`` for a bare table."""
    argument: str = ""
    """As it is written: zone, table, policy service with its braces."""
    trial: bool = False
    """``warn_if_reject`` stands in front of it: nobody is turned away, the log says who would be."""
    start: int = 0
    end: int = 0
    named: int = 0
    """Where its own name begins: behind ``warn_if_reject``."""

    @property
    def canonical(self) -> str:
        """Its name of today; Postfix takes old ones, too, and does not mind the case."""
        name = self.name.lower()
        return _OLD_NAMES.get(name, name)

    def is_a(self, *names: str) -> bool:
        """Whether it is one of these."""
        return self.canonical in names

    def __str__(self) -> str:
        words = [_TRIAL] * self.trial + [self.name] + [self.argument] * bool(self.argument)
        return " ".join(words)


class Found(NamedTuple):
    """A restriction where the evaluation of the lists comes upon it."""

    list: str
    """The parameter in whose text it stands: a list, a restriction class, what a list names with ``$``."""
    at: int
    """Its position there."""
    restriction: Restriction
    trial: bool
    """Nobody is turned away by it: it, or the class in which it stands, is behind ``warn_if_reject``."""


@dataclass(frozen=True)
class Lists:
    """The restriction lists of a server as main.cf has them. They do not change: edits give new ones."""

    said: Mapping[str, str]
    """The raw text of the parameters that main.cf sets; all of them, lists may name any with ``$``."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """The expanded defaults, of those that it sets, too."""
    authenticated: Collection[str] = LISTS
    """The lists by which those come who have authenticated: of services that offer AUTH."""

    def raw(self, name: str) -> str:
        """The text of a list that is at work: what main.cf says, or the default."""
        return self.said[name] if name in self.said else self.defaults.get(name, "")

    def restrictions(self, name: str) -> tuple[Restriction, ...]:
        """What stands in a list itself."""
        return parse(self.raw(name))

    def put(self, name: str, raw: str | None) -> Self:
        """These lists with another text for one; None: main.cf does not set it any more."""
        said = {key: text for key, text in self.said.items() if key != name}
        return replace(self, said=said if raw is None else {**said, name: raw})

    def changes(self, before: Lists) -> dict[str, str | None]:
        """The parameters whose texts differ from earlier ones; None where an assignment goes.

        It goes with the comments inside it, which are ours: ``set_raw(name, "")``, then ``unset(name)``.
        """
        names = dict.fromkeys((*before.said, *self.said))
        return {name: self.said.get(name) for name in names if self.said.get(name) != before.said.get(name)}

    def walk(self, name: str, trial: bool = False, path: tuple[str, ...] = ()) -> Iterator[Found]:
        """The restrictions of a list as they are evaluated, classes and ``$name`` looked into."""
        for at, restriction in enumerate(self.restrictions(name)):
            yield Found(name, at, restriction, trial or restriction.trial)
            inner = self.refers(restriction)
            if inner and inner not in (*path, name):
                yield from self.walk(inner, trial or restriction.trial, (*path, name))

    def all(self) -> Iterator[Found]:
        """The restrictions of all lists as they are evaluated."""
        for name in LISTS:
            yield from self.walk(name)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The restriction classes that the admin has made."""
        return tuple(word for word, _, _ in words(self.raw("smtpd_restriction_classes")))

    def refers(self, restriction: Restriction) -> str:
        """The parameter that a restriction stands for: a class, or what follows ``$``; "" for none."""
        if variable := re.fullmatch(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))", restriction.name, re.ASCII):
            return variable[variable.lastindex or 1]
        return restriction.name if restriction.name in self.classes else ""


def words(raw: str) -> Iterator[tuple[str, int, int]]:
    """The words of a list, each with where it begins and ends in the raw text."""
    text = _COMMENT.sub(lambda match: " " * len(match[0]), raw)
    at = 0
    while at < len(text):
        if text[at] in SEPARATORS:
            at += 1
            continue
        start, depth = at, 0
        while at < len(text) and (depth or text[at] not in SEPARATORS):
            depth = max(0, depth + {"{": 1, "}": -1}.get(text[at], 0))
            at += 1
        yield " ".join(text[start:at].split()), start, at


@lru_cache(maxsize=256)  # every setting looks at the same few texts
def parse(raw: str) -> tuple[Restriction, ...]:
    """The restrictions of a list, in order. A ``warn_if_reject`` with nothing behind it does nothing."""
    found = []
    trial = -1
    pieces = words(raw)
    for word, start, end in pieces:
        if word.lower() == _TRIAL:
            trial = start if trial < 0 else trial
            continue
        argument = ""
        last = end
        if _TAKES_ARGUMENT.fullmatch(word):
            argument, _, last = next(pieces, ("", 0, end))
        found.append(Restriction(word, argument, trial >= 0, start if trial < 0 else trial, last, start))
        trial = -1
    return tuple(found)


def insert(raw: str, at: int, text: str) -> str:
    """The list with a restriction more, in front of the one at a position, laid out as the list is."""
    found = parse(raw)
    if not found:
        return f"\n    {text}{raw}"
    if at == 0:
        first = found[0].start
        return raw[:first] + text + _glue(raw, found, 0) + raw[first:]
    before = found[at - 1].end
    return raw[:before] + _glue(raw, found, at) + text + raw[before:]


def remove(raw: str, at: int) -> str:
    """The list without one restriction. Comments stay; so does the layout of the others."""
    found = parse(raw)
    gone = found[at]
    start, end = gone.start, gone.end
    before = found[at - 1].end if at else None
    after = found[at + 1].start if at + 1 < len(found) else None
    ahead = raw[before:start] if before is not None else "#"
    behind = raw[end:after] if after is not None else "#"
    if "#" not in ahead and not ("\n" in ahead and "\n" not in behind and "#" not in behind):
        return raw[:before] + raw[end:]
    if "#" not in behind:
        return raw[:start] + raw[after:]
    return _without_blank_line(raw, start, _comma_behind(raw, end))


def put_on_trial(raw: str, at: int, trial: bool) -> str:
    """The list with ``warn_if_reject`` in front of one restriction, or without it."""
    gone = parse(raw)[at]
    if gone.trial == trial:
        return raw
    if trial:
        return f"{raw[: gone.named]}{_TRIAL} {raw[gone.named :]}"
    if "#" not in raw[gone.start : gone.named]:
        return raw[: gone.start] + raw[gone.named :]
    while (gone := parse(raw)[at]).trial:
        raw = _without_blank_line(raw, gone.start, _comma_behind(raw, gone.start + len(_TRIAL)))
    return raw


def rewrite(raw: str, at: int, text: str) -> str:
    """The list with other words in the place of one restriction."""
    gone = parse(raw)[at]
    return raw[: gone.start] + text + raw[gone.end :]


def _glue(raw: str, found: tuple[Restriction, ...], at: int) -> str:
    """What separates restrictions where a new one comes to stand: as its neighbours are, without comments."""
    gaps = [raw[left.end : right.start] for left, right in pairwise(found)]
    if not gaps:
        lead = re.search(r"\n[ \t]+\Z", raw[: found[0].start])
        return f",{lead[0]}" if lead else ", "
    gap = gaps[min(max(at - 1, 0), len(gaps) - 1)]
    return re.sub(r"\s*\n\s*(?=\n)", "", _COMMENT.sub("", gap))


def _comma_behind(raw: str, end: int) -> int:
    """The end of a word, or of the comma behind it."""
    match = re.compile(r"[ \t]*,").match(raw, end)
    return match.end() if match else end


def _without_blank_line(raw: str, start: int, end: int) -> str:
    """The text without a piece, and without the line on which it stood alone."""
    ahead, behind = raw[:start], raw[end:]
    line = re.search(r"\r?\n[ \t]*\Z", ahead)
    alone = re.match(r"[ \t\r]*(?:\n|\Z)", behind)
    return (ahead[: line.start()] if line and alone else ahead) + behind

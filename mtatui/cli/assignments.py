"""``KEY=VALUE`` as `settings set` takes it: ``+=`` and ``-=`` for lists, passwords never in clear.

What stands on a command line, everybody on the machine can read in the list of processes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli.guard import Misused
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Kind, Refused, RelayLogin, Zones
from mtatui.settings.profile import unknown
from mtatui.settings.syntax import LONGEST, quoted
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.settings.current import Reading
    from mtatui.settings.setting import Setting


@dataclass(frozen=True, slots=True)
class Assignment:
    """One of them, its value checked. ``operator`` is ``=``, ``+=`` or ``-=``."""

    setting: Setting
    operator: str
    value: Any


def parse(words: Iterable[str]) -> list[Assignment]:
    """What was typed, checked.

    Raises:
        Misused: something in it makes no sense; all that does not is told at once.
    """
    found: dict[str, Assignment] = {}
    mistakes = []
    for word in words:
        try:
            assignment = _one(word)
            if assignment.setting.key in found:
                raise Refused(f"{assignment.setting.key} is said twice")
            found[assignment.setting.key] = assignment
        except Refused as error:
            mistakes.append(str(error))
    if mistakes:
        raise Misused("\n".join(mistakes))
    return list(found.values())


def _one(word: str) -> Assignment:
    match = re.fullmatch(r"([^=]*?)([+-]?=)(.*)", word, re.DOTALL)
    if match is None:
        raise Refused(f"{quoted(word)} is no assignment: write KEY=VALUE")
    key, operator, text = match.groups()
    setting = ALL.get(key)
    if setting is None:
        raise Refused(unknown(key))
    if operator != "=" and setting.kind.editor not in ("list", "zones"):
        raise Refused(f"{key}: {operator} is for lists; this takes one value")
    try:
        if isinstance(setting.kind, RelayLogin):
            return Assignment(setting, operator, _login(setting.kind, text, key))
        return Assignment(setting, operator, setting.kind.parse(text))
    except Refused as error:
        raise Refused(f"{key}: {error}") from error


def _login(kind: RelayLogin, text: str, key: str) -> Any:
    user, _, rest = text.partition(":")
    if not text:
        return None
    if rest == "-":
        try:
            return kind.login(user, sys.stdin.readline(LONGEST + 3).rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise Refused("what came on standard input is no UTF-8") from error
    if rest:
        raise Refused(
            "a password does not go on the command line, where everybody on this machine can read it. "
            f"Write {key}=USER to be asked, or {key}=USER:- to have it read from standard input"
        )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"nobody is here to be asked for the password; {key}=USER:- reads it from standard input"
        )
    return kind.login(user, click.prompt(f"Password of {clean(user)}", hide_input=True, err=True))


def resolve(assignments: Iterable[Assignment], reading: Reading) -> dict[str, Any]:
    """The new values by key, lists changed from what they are."""
    return {a.setting.key: _value(a, reading.of(a.setting).value) for a in assignments}


def _value(assignment: Assignment, current: Any) -> Any:
    if assignment.operator == "=":
        return assignment.value
    new, old = (_by_name(assignment.setting.kind, items) for items in (assignment.value, current))
    if assignment.operator == "-=":
        return tuple(item for name, item in old.items() if name not in new)
    return tuple((old | new).values())


def _by_name(kind: Kind, items: Iterable[Any]) -> dict[str, Any]:
    return {item.zone if isinstance(kind, Zones) else item: item for item in items}

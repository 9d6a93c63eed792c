"""Which key does what: the ``[keys]`` of the config file, checked against the table of actions."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mtatui.text import clean
from mtatui.verbs import PLACES, Action, Verb

#: Names by which Textual calls keys, where they are not the Unicode name of the character (textual.keys).
_NAMES = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
    "space": "space",
}
#: Keys that must keep what they do, or one could not get out.
_TAKEN = {"ctrl+q", "ctrl+c"}


@dataclass(frozen=True, slots=True)
class Keys:
    """What one file binds: keys by action id, and where (``file:line``) each was said."""

    bound: Mapping[str, Sequence[str]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


def textual_name(key: str) -> str:
    """A key as Textual calls it: ``/`` is ``slash``, ``ctrl+/`` is ``ctrl+slash``; names stay as they are."""
    held, plus, last = (
        key.rpartition("+") if key != "+" and not key.endswith("++") else (key[:-2], key[-2:-1], "+")
    )
    if len(last) == 1 and not last.isalnum():
        last = unicodedata.name(last, last).lower().replace("-", "_").replace(" ", "_")
        last = _NAMES.get(last, last)
    return f"{held}{plus}{last}"


def checked(files: Iterable[Keys], actions: Iterable[Action]) -> tuple[dict[str, str], list[str]]:
    """The keymap, later files over earlier ones, and what is wrong with it.

    An id that does not exist is passed over; a key that another action has where both apply is, too (of two
    that want one key the later): the action keeps its usual key.
    """
    known = {action.id: action for action in actions}
    wanted: dict[str, tuple[list[str], str]] = {}
    problems: list[str] = []
    for file in files:
        for id, keys in file.bound.items():
            if id in known:
                wanted.pop(id, None)
                wanted[id] = [textual_name(key) for key in keys], file.places[id]
            else:
                problems.append(
                    f"{file.places[id]}: there is no action called {clean(id)!r}; help names them."
                )
    while clash := _clash(wanted, known):
        id, key, rival = clash
        problems.append(f"{wanted.pop(id)[1]}: {clean(key)} already means {rival}; {id} keeps its key.")
    return {id: ",".join(keys) for id, (keys, _) in wanted.items()}, problems


def _clash(
    wanted: Mapping[str, tuple[list[str], str]], known: Mapping[str, Action]
) -> tuple[str, str, str] | None:
    """The last wish that cannot be met: its id, the key, and what that means already."""
    for id, (keys, _) in reversed(list(wanted.items())):
        for key in keys:
            if key in _TAKEN and id != "quit":
                return id, key, "leaving mtatui"
            for other in known.values():
                has = wanted[other.id][0] if other.id in wanted else other.keys.split(",")
                if other.id != id and key in has and _meet(known[id], other):
                    return id, key, other.label
    return None


def _meet(one: Action, other: Action) -> bool:
    """Whether two actions apply on the same screen; verbs do on two."""
    places = [
        ("queue", "message") if isinstance(a, Verb) else PLACES.get(a.where, (a.where,)) for a in (one, other)
    ]
    return not set(places[0]).isdisjoint(places[1])

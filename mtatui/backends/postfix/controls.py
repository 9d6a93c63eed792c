"""Controls: how each setting is read off a Postfix configuration, and written into one.

Most settings are one parameter of main.cf under their own name, and need no more than their kind says. What
is found in lists of restrictions is in `controls_lists`, what writes tables of its own in `controls_tables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from mtatui.backends.postfix.draft import Draft, fit_for_a_line
from mtatui.backends.postfix.lists import insert, parse, remove
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Current, Override
from mtatui.settings.kinds import Bytes, Choice, Kind, Networks, Refused, Switch, Tables
from mtatui.settings.setting import Setting
from mtatui.text import clean


class Control(Protocol):
    """One setting's way in and out of a configuration."""

    def current(self, reading: PostfixReading) -> Current:
        """What it is now."""
        ...

    def write(self, draft: Draft, value: Any) -> None:
        """Have it become a value, in the draft.

        Raises:
            Refused: it cannot, in words.
        """
        ...


class Parameter:
    """A setting that is one parameter of main.cf."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.name = setting.directive

    def current(self, reading: PostfixReading) -> Current:
        """What it is now."""
        text = reading.lookup(self.name)
        if text is None:
            version = ".".join(map(str, reading.version))
            return Current(
                _empty(self.setting.kind),
                _empty(self.setting.kind),
                unavailable=f"this Postfix ({version}) does not know {self.name}",
            )
        assignment = reading.explicit(self.name)
        value, odd = self.value(reading, text)
        default, _ = self.value(reading, reading.defaults.get(self.name, ""))
        return Current(
            value,
            default,
            explicit=assignment is not None,
            where=f"main.cf, line {assignment.line}" if assignment is not None else "",
            overrides=tuple(overrides(reading, self.name)),
            note=odd or self.note(reading, text),
        )

    def value(self, reading: PostfixReading, text: str) -> tuple[Any, str]:
        """The value of what stands there, and what is odd about it."""
        kind = self.setting.kind
        if isinstance(kind, Networks):
            return tuple(text.replace(",", " ").split()), ""
        if isinstance(kind, Switch | Bytes | Choice) or not reading.expanded(text):
            text = reading.expanded(text)
        if isinstance(kind, Switch) and text.lower() not in ("yes", "no"):
            return False, f'"{clean(text)}" is neither yes nor no: Postfix does not work with that'
        if isinstance(kind, Bytes) and not (text.isascii() and text.isdigit()):
            return 0, f'"{clean(text)}" is no number: Postfix does not work with that'
        try:
            return kind.parse(text), ""
        except Refused as error:
            return text, str(error)  # it is shown as it stands

    def note(self, reading: PostfixReading, text: str) -> str:
        """What must be known beside it."""
        worked_out = reading.expanded(text)
        return f"= {clean(worked_out)}" if worked_out not in ("", text) and len(worked_out) < 200 else ""

    def write(self, draft: Draft, value: Any) -> None:
        """Have it become a value."""
        if isinstance(self.setting.kind, Tables):
            _usable(draft.before, value)
        text = fit_for_a_line(self.text(value))
        there = draft.main.get(self.name)
        own = text == draft.before.defaults.get(self.name)
        if isinstance(value, tuple) and there and not own and (raw := _word_by_word(there.raw, value)):
            draft.set_raw(self.name, raw)
        else:
            draft.set(self.name, text)

    def text(self, value: Any) -> str:
        """A value as main.cf has it."""
        match value:
            case bool():
                return "yes" if value else "no"
            case tuple():
                return " ".join(value)
            case _:
                return str(value)


def overrides(reading: PostfixReading, *names: str) -> Iterator[Override]:
    """The services in master.cf that say otherwise of a parameter."""
    for service in reading.master.services:
        for name in names:
            if name in service.overrides:
                value = service.overrides[name]
                shown = clean(value if len(names) == 1 else f"{name}={value}")
                yield Override(
                    service.name, shown, f"master.cf, line {service.lines.get(name, service.line)}"
                )


#: Words that are looked at to change a list word by word; where it takes more, it is written anew.
_MANY = 100_000


def _word_by_word(raw: str, wanted: Sequence[str]) -> str:
    """A list of words in which only those that differ are touched; "" where that is no use."""
    words, kept = parse(raw), set(wanted)
    there = [word.name for word in words if word.name in kept]
    had = set(there)
    if not there or there != [word for word in wanted if word in had]:
        return ""
    if any(str(word) != word.name for word in words):
        return ""  # it reads like restrictions
    if (len(wanted) + len(words) - 2 * len(there)) * max(len(wanted), len(words)) > _MANY:
        return ""
    # In first, then out: what is between words shows how new ones are set apart.
    for at, name in enumerate(wanted):
        if name not in had:
            names = [word.name for word in parse(raw)]
            raw = insert(raw, names.index(wanted[at - 1]) + 1 if at else 0, name)
    for at, word in reversed(list(enumerate(parse(raw)))):
        if word.name not in kept:
            raw = remove(raw, at)
    return raw


def _usable(reading: PostfixReading, text: str) -> None:
    """See that this Postfix can use the tables that a value names.

    Raises:
        Refused: one is of a type that it was built without.
    """
    for type in re.findall(r"(?:^|[\s,])(?:proxy:)?([a-z_]+):", text):
        if reading.types and type not in reading.types:
            raise Refused(
                f"this Postfix has no tables of type {type}; it has {', '.join(sorted(reading.types))}"
            )


def _empty(kind: Kind) -> Any:
    """What stands for a value that there is none of."""
    if isinstance(kind, Switch):
        return False
    return 0 if isinstance(kind, Bytes) else () if isinstance(kind, Networks) else ""

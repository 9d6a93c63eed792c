"""Profiles: the settings of a server as a TOML file, to keep, to compare, and to apply to others.

Written are the settings that somebody has made there. What is Postfix's own default stands commented out, for
the reader; it is neither compared nor changed when the profile is applied. So does what is one server's own:
its names. Passwords never go into a profile.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mtatui.settings.catalogue import ALL, PAGES, near
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.setting import Setting
from mtatui.settings.syntax import quoted
from mtatui.text import clean

#: The largest profile that is read, in characters.
LARGEST = 1024 * 1024


class Mistakes(ValueError):
    """All that is wrong with a profile, each with its line."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not what a profile says."""

    setting: Setting
    is_: Any
    wanted: Any


def write(reading: Reading, pages: Iterable[str] = PAGES) -> str:
    """The profile of a server, for some pages or all of them."""
    out = [
        f"# The settings of {clean(reading.server)}. To apply them elsewhere: mtatui settings apply FILE",
        "# What is commented out is the default there, and is left alone when this is applied.",
    ]
    for page in pages:
        out += ["", f"[{page}]"]
        section = ""
        for setting in PAGES[page].settings:
            if setting.section != section:
                section = setting.section
                out += ["", f"# -- {section} --"]
            out += ["", *_entry(setting, reading.of(setting))]
    return "\n".join(out) + "\n"


def _entry(setting: Setting, current: Current) -> list[str]:
    lines = [f"# {line}" for line in textwrap.wrap(f"{setting.label}: {setting.help}", 98)]
    value = f"{setting.name} = {_toml(setting.kind.dump(current.value))}"
    if setting.kind.secret:
        if current.value is None:
            return [*lines, f'#{setting.name} = ""']
        user = setting.kind.show(current.value)
        return [*lines, f"# {user}; passwords stay out: mtatui settings set {setting.key}=USER asks for it"]
    if current.unavailable:
        return [*lines, f"# Not to be set on this server: {clean(current.unavailable)}", f"#{value}"]
    if not current.explicit:
        return [*lines, f"#{value}"]
    if setting.of_one_server and "$" not in current.value:
        return [*lines, "# Left out, for it is this server's own; uncomment it to have it kept.", f"#{value}"]
    try:
        if setting.kind.load(setting.kind.dump(current.value)) == current.value:
            return [*lines, value]
        why = "it is not as it would be written here"
    except Refused as error:
        why = str(error)
    return [*lines, f"# Left out, for it could not be applied: {clean(why)}", f"#{value}"]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(clean(str(value)), ensure_ascii=False)


def read(text: str) -> dict[str, Any]:
    """What a profile says, by setting key, in the order of the pages.

    Raises:
        Mistakes: it is no TOML, knows settings that are none, or values that cannot be: all of them at once.
    """
    import tomllib

    if len(text) > LARGEST:
        raise Mistakes([f"that is no profile: it has more than {LARGEST:,} characters"])
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Mistakes([f"that is no TOML: {clean(str(error)) or 'it goes too deep'}"]) from error
    places = _places(text)
    found: dict[str, Any] = {}
    mistakes: list[tuple[int, str]] = []
    for key, data in _flat(document):
        line = places.get(key, places.get(key.partition(".")[0], 0))
        where = f"line {line}: " if line else ""
        if key not in ALL:
            mistakes.append((line, f"{where}{unknown(key)}"))
            continue
        try:
            found[key] = ALL[key].kind.load(data)
        except Refused as error:
            mistakes.append((line, f"{where}{key}: {error}"))
    if mistakes:
        raise Mistakes(words for _, words in sorted(mistakes))
    return {key: found[key] for key in ALL if key in found}


def unknown(key: str) -> str:
    """That there is no such setting, and which may have been meant."""
    meant = near(key)
    return f"there is no setting {quoted(key)}" + (f"; near it: {', '.join(meant)}" if meant else "")


def _flat(document: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Keys with their pages in front, whatever they are called."""
    for page, table in document.items():
        if isinstance(table, dict) and (table or page in PAGES):
            yield from ((f"{page}.{name}", data) for name, data in table.items())
        else:
            yield page, table


_HEAD = re.compile(r"\s*\[\s*([\w.\"'-]+)\s*\]")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")


def _places(text: str) -> dict[str, int]:
    """The lines in which keys stand, as far as they can be seen without a parser: tomllib does not tell."""
    places: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if head := _HEAD.match(line):
            table = re.sub(r"[\"']", "", head[1])
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            name = re.sub(r"[\"']", "", key[1])
            places.setdefault(f"{table}.{name}" if table else name, number)
    return places


def differences(reading: Reading, wanted: Mapping[str, Any]) -> list[Difference]:
    """Where a server is not as a profile says, in the order of the pages."""
    return [
        Difference(setting, reading.of(setting).value, wanted[key])
        for key, setting in ALL.items()
        if key in wanted and reading.of(setting).value != wanted[key]
    ]

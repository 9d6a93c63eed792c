"""What may stand in a config file, and how it is read: value by value, so that a mistake costs only itself.

By hand, on a few checks, rather than with a library of models: that would cost everybody who has a config
file a fifth of a second at every start.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mtatui.config import ServerEntry
from mtatui.config.keys import Keys
from mtatui.text import clean

#: A larger file is none of ours.
_LIMIT = 1024 * 1024

THEMES = (
    "textual-dark", "textual-light", "ansi-dark", "ansi-light", "nord", "gruvbox", "catppuccin-mocha",
    "catppuccin-latte", "catppuccin-frappe", "catppuccin-macchiato", "dracula", "tokyo-night", "monokai",
    "flexoki", "solarized-light", "solarized-dark", "rose-pine", "rose-pine-moon", "rose-pine-dawn",
    "atom-one-dark", "atom-one-light",
)  # fmt: skip
COLUMNS = ("id", "server", "state", "age", "size", "from", "to", "retry", "reason")
SORTS = ("age", "id", "size", "from", "to", "retry", "reason", "state", "rcpts", "server")

#: A value as it holds, from one as it stands in the file; a ValueError says what it should be.
Check = Callable[[Any], Any]
Where = tuple[str | int, ...]


# --- checks ---


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("should be true or false")
    return value


def _one_of(*names: str) -> Check:
    def check(value: Any) -> Any:
        if value not in names:
            raise ValueError(f"should be one of {', '.join(names)}")
        return value

    return check


def _text(pattern: str, should: str) -> Check:
    shape = re.compile(pattern)

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise ValueError(f"should be {should}")
        return value.strip()

    return check


def _sort(value: Any) -> tuple[str, bool]:
    field = value.removeprefix("-") if isinstance(value, str) else ""
    if field not in SORTS:
        raise ValueError(f"should be one of {', '.join(SORTS)}; with - before it the largest come first")
    return field, value != field


def _days(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 3650:
        raise ValueError("should be a number of days from 0 to 3650")
    return value


def _bytes(value: Any) -> int:
    match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
    if match is None or isinstance(value, bool):
        raise ValueError('should be a size such as 1000000, "500M" or "2G"')
    unit: int = 1024 ** " KMGT".index(match[2].upper() or " ")
    return int(match[1]) * unit


def _keys(value: Any) -> list[str]:
    keys = value if isinstance(value, list) else [value]
    if not keys or not all(isinstance(key, str) and re.fullmatch(r"[^\s,]{1,40}", key) for key in keys):
        raise ValueError("should be a key, or a list of keys")
    return keys


_LINE = _text(r"[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*", "one line of text")


def _tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("should be a list of tags")
    return tuple(_LINE(tag) for tag in value)


_PATH = _text(r"(/|~/)[^\x00-\x1f\x7f]*", "a file, from / or ~/ on")

_TOP: Mapping[str, Check] = {
    "theme": _one_of(*THEMES),
    "read_only": _switch,
    "sort": _sort,
    "ssh_config": lambda value: os.path.expanduser(_PATH(value)),  # ssh does not, and has no shell here
}
_TRASH: Mapping[str, Check] = {"days": _days, "max_size": _bytes}
_SERVER: Mapping[str, Check] = {
    "name": _text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", "a name of letters, digits, dots and hyphens"),
    "host": _text(r"[A-Za-z0-9_\[][A-Za-z0-9_.@:\[\]-]{0,254}(?<!@)", "a host, or user@host"),
    "sudo": _switch,
    "config_directory": _text(r"/[^\x00-\x1f\x7f]*|", "a directory, from / on"),
    "tags": _tags,
}
_TABLES = ("columns", "filters", "keys", "trash", "servers")


def server_of(table: Mapping[str, Any]) -> ServerEntry:
    """A server as a table of the file would have it.

    Raises:
        ValueError: one of its values is not what it should be; the words say which.
    """
    said = {}
    for name, value in table.items():
        try:
            said[name] = _SERVER[name](value)
        except ValueError as error:
            raise ValueError(f"{name} = {_shown(value)}: {error}") from error
    return ServerEntry(**said)


# --- reading ---


def understand(data: bytes, path: Path) -> tuple[dict[str, Any], list[str], Keys]:
    """What a file says, as `mtatui.config.Config` calls it; what is wrong with it; and the keys it binds."""
    if len(data) > _LIMIT:
        return {}, [f"{path}: larger than 1 MiB, so it was passed over."], Keys()
    try:
        text = data.decode("utf-8")
        tree = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return {}, [f"{path}, line {line}: not UTF-8; the file was passed over."], Keys()
    except (ValueError, RecursionError) as error:
        said = clean(str(error)).replace("end of document", f"line {len(text.splitlines())}, the end")
        return {}, [f"{path}: {said}; the file was passed over."], Keys()
    reading = _Reading(path, text)
    return reading.file(tree), reading.problems, reading.keys


class _Reading:
    """One file being read: where it lies, and the mistakes found so far."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.problems: list[str] = []
        self.keys = Keys()

    def file(self, tree: dict[str, Any]) -> dict[str, Any]:
        """Only what the file says, so that another's values stay below it."""
        plain = {name: value for name, value in tree.items() if name not in _TABLES}
        said = self.named(plain, (), _TOP, also=_TABLES)
        if "columns" in tree:
            columns = self.listed(tree["columns"], ("columns",))
            said["columns"] = tuple(self.each(enumerate(columns), ("columns",), _one_of(*COLUMNS)).values())
        if "filters" in tree:
            filters = self.table(tree["filters"], ("filters",))
            names = self.each(((name, name) for name in filters), ("filters",), _LINE)
            kept = {name: filters[name] for name in names}
            said["filters"] = {n.strip(): q for n, q in self.each(kept.items(), ("filters",), _LINE).items()}
        if "keys" in tree:
            bound = self.each(self.table(tree["keys"], ("keys",)).items(), ("keys",), _keys)
            self.keys = Keys(bound, {id: self.place(("keys", id)) for id in bound})
        if "trash" in tree:
            trash = self.named(self.table(tree["trash"], ("trash",)), ("trash",), _TRASH)
            for name, ours in (("days", "trash_days"), ("max_size", "trash_bytes")):
                if name in trash:
                    said[ours] = trash[name]
        if "servers" in tree:
            servers = enumerate(self.listed(tree["servers"], ("servers",)))
            read = [self.server(value, ("servers", number)) for number, value in servers]
            said["servers"] = tuple(server for server in read if server)
        return said

    def server(self, value: Any, where: Where) -> ServerEntry | None:
        """A server; one that is half right would be another server, so it counts whole or not at all."""
        table = self.table(value, where)
        known = self.named(table, where, _SERVER)
        if "name" not in table:
            self.wrong(where, f"{_dotted(where)} needs a name; it was passed over.")
        return (
            ServerEntry(**known)
            if "name" in known and known.keys() == table.keys() & _SERVER.keys()
            else None
        )

    def named(
        self, table: Mapping[str, Any], where: Where, checks: Mapping[str, Check], also: Iterable[str] = ()
    ) -> dict[str, Any]:
        """A table whose names are given."""
        for name in table:
            if name not in checks:
                near = difflib.get_close_matches(name, (*checks, *also), 1)
                key = _dotted((*where, name))
                hint = f"; is it {near[0]}?" if near else "."
                self.wrong((*where, name), f"there is no setting called {key}{hint}")
        said: dict[str, Any] = {}
        for name, check in checks.items():
            if name in table:
                said |= self.each([(name, table[name])], where, check)
        return said

    def each(self, pairs: Iterable[tuple[Any, Any]], where: Where, check: Check) -> dict[Any, Any]:
        """Those of the values that are right."""
        kept = {}
        for name, value in pairs:
            try:
                kept[name] = check(value)
            except ValueError as error:
                key = _dotted((*where, name))
                self.wrong((*where, name), f"{key} = {_shown(value)}: {error}; it was passed over.")
        return kept

    def table(self, value: Any, where: Where) -> dict[str, Any]:
        """A table, an empty one in place of something else."""
        if isinstance(value, dict):
            return value
        self.wrong(where, f"{_dotted(where)} should be a table; it was passed over.")
        return {}

    def listed(self, value: Any, where: Where) -> list[Any]:
        """A list, an empty one in place of something else."""
        if isinstance(value, list):
            return value
        self.wrong(where, f"{_dotted(where)} should be a list; it was passed over.")
        return []

    def wrong(self, where: Where, words: str) -> None:
        """Tell a mistake with its place."""
        self.problems.append(f"{self.place(where)}: {words}")

    def place(self, where: Where) -> str:
        """The file, and the line where it can be told."""
        line = _line_of(self.text, where)
        return f"{self.path}, line {line}" if line else str(self.path)


def _shown(value: Any) -> str:
    try:
        return clean(str(value))[:60]
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "…"


def _dotted(where: Where) -> str:
    return clean(".".join(map(str, where)))


_TABLE = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")
_PAIR = re.compile(r"""\s*([A-Za-z0-9_.-]+|"[^"]*"|'[^']*')\s*=""")


def _line_of(text: str, where: Where) -> int:
    """The line on which a key stands, or the table it is in; 0 where neither is found."""
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    best, found = 0, 0
    for number, line in enumerate(text.split("\n"), 1):
        here: tuple[str | int, ...] | None = None
        if match := _TABLE.match(line):
            name = match[2].strip()
            table = tuple(part.strip().strip("\"'") for part in name.split("."))
            if match[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (*table, counts[name])
            here = table
        elif match := _PAIR.match(line):
            here = (*table, match[1].strip("\"'"))
        if here and tuple(where[: len(here)]) == here and len(here) > found:
            best, found = number, len(here)
    return best

"""What may stand in a config file. Imported only where there is one: pydantic takes its time."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from mtatui.config import ServerEntry
from mtatui.config.keys import Keys
from mtatui.text import clean

#: A larger file is none of ours.
_LIMIT = 1024 * 1024

Theme = Literal[
    "textual-dark", "textual-light", "ansi-dark", "ansi-light", "nord", "gruvbox", "catppuccin-mocha",
    "catppuccin-latte", "catppuccin-frappe", "catppuccin-macchiato", "dracula", "tokyo-night", "monokai",
    "flexoki", "solarized-light", "solarized-dark", "rose-pine", "rose-pine-moon", "rose-pine-dawn",
    "atom-one-dark", "atom-one-light",
]  # fmt: skip
ColumnId = Literal["id", "state", "age", "size", "from", "to", "retry", "reason"]


def _bytes(value: object) -> object:
    """A size: a number of bytes, or one with a unit (``500M``)."""
    if isinstance(value, str) and (
        match := re.fullmatch(r"(\d+)\s*([KMGT]?)i?B?", value.strip(), re.IGNORECASE)
    ):
        return int(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    return value


def _field(value: str) -> str:
    from mtatui.queue.views import SortField

    if value.removeprefix("-") not in set(SortField):
        raise ValueError(f"should be one of {', '.join(SortField)}; with - before it the largest come first")
    return value


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
Host = Annotated[str, StringConstraints(max_length=255, pattern=r"^[A-Za-z0-9_\[][A-Za-z0-9_.@:\[\]-]*$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\s,]+$")]
Directory = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Trash(_Strict):
    """How long deleted messages are kept, and how much of them."""

    days: Annotated[int, Field(ge=0, le=3650)] = 7
    max_size: Annotated[int, BeforeValidator(_bytes), Field(ge=0)] = 1024**3


class Server(_Strict):
    """One managed server."""

    name: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
    host: Host = "localhost"
    sudo: bool = False
    config_directory: Directory | Literal[""] = ""
    tags: list[Line] = []


class File(_Strict):
    """A config file."""

    theme: Theme = "textual-dark"
    read_only: bool = False
    columns: list[ColumnId] = []
    sort: Annotated[str, AfterValidator(_field)] = "age"
    filters: dict[Line, Line] = {}
    keys: dict[str, Key | list[Key]] = {}
    trash: Trash = Trash()
    servers: list[Server] = []


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
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = clean(str(error)).replace("end of document", f"line {len(text.splitlines())}, the end")
        return {}, [f"{path}: {said}; the file was passed over."], Keys()
    problems: list[str] = []
    while (file := _valid(tree, path, text, problems)) is None:
        pass
    return _said(file), problems, _keys(file, path, text)


def _valid(tree: dict[str, Any], path: Path, text: str, problems: list[str]) -> File | None:
    """The file, or None after what is wrong with it has been said and taken out of the tree."""
    try:
        return File.model_validate(tree)
    except ValidationError as errors:
        wrong: dict[tuple[str | int, ...], str] = {}
        for error in errors.errors():
            where = _real(tree, error["loc"])
            said = f"{_place(path, text, where)}: {_words(where, error)}"
            # A server that is half right would be another server.
            whole = where[0] == "servers" and error["type"] != "extra_forbidden"
            wrong.setdefault(where[:2] if whole else where, said)
        problems += wrong.values()
        for where in reversed(wrong):  # the places in a list stay right when the later ones go first
            _drop(tree, where)
    return None


def _said(file: File) -> dict[str, Any]:
    """Only what the file says, so that another's values stay below it."""
    said: dict[str, Any] = {
        name: getattr(file, name)
        for name in ("theme", "read_only", "filters")
        if name in file.model_fields_set
    }
    if "columns" in file.model_fields_set:
        said["columns"] = tuple(file.columns)
    if "sort" in file.model_fields_set:
        said["sort"] = (file.sort.removeprefix("-"), file.sort.startswith("-"))
    if "days" in file.trash.model_fields_set:
        said["trash_days"] = file.trash.days
    if "max_size" in file.trash.model_fields_set:
        said["trash_bytes"] = file.trash.max_size
    if "servers" in file.model_fields_set:
        said["servers"] = tuple(
            ServerEntry(s.name, s.host, s.sudo, s.config_directory, tuple(s.tags)) for s in file.servers
        )
    return said


def _keys(file: File, path: Path, text: str) -> Keys:
    bound = {id: [keys] if isinstance(keys, str) else keys for id, keys in file.keys.items()}
    return Keys(bound, {id: _place(path, text, ("keys", id)) for id in bound})


# --- mistakes ---


def _real(tree: Any, loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part of pydantic's location that is in the file: it names types and ``[key]`` as well."""
    where: list[str | int] = []
    for step in loc:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            break
        where.append(step)
    return tuple(where)


def _drop(tree: Any, where: Sequence[str | int]) -> None:
    *above, last = where
    for step in above:
        tree = tree[step]
    del tree[last]


def _words(where: Sequence[str | int], error: Any) -> str:
    key = clean(".".join(str(step) for step in where))
    if error["type"] == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {"trash": Trash, "servers": Server}
        model = models.get(str(where[0]), File) if len(where) > 1 else File
        near = difflib.get_close_matches(str(where[-1]), model.model_fields, 1)
        return f"there is no setting called {key}" + (f"; is it {near[0]}?" if near else ".")
    if error["type"] == "missing":
        return f"{key} needs a {error['loc'][-1]}; it was passed over."
    if where[0] == "keys":
        return f"{key} should be a key, or a list of keys; it was passed over."
    given = clean(str(error["input"]))[:60]
    said = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{key} = {given}: {said[0].lower()}{said[1:]}; it was passed over."


def _place(path: Path, text: str, where: Sequence[str | int]) -> str:
    line = _line_of(text, where)
    return f"{path}, line {line}" if line else str(path)


_TABLE = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")
_PAIR = re.compile(r"""\s*([A-Za-z0-9_.-]+|"[^"]*"|'[^']*')\s*=""")


def _line_of(text: str, where: Sequence[str | int]) -> int:
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

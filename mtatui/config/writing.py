"""Changing the user's config file: a saved filter, the columns, a server. Comments and order stay."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mtatui.config import ServerEntry
from mtatui.text import clean

#: The head of a server's table.
_SERVER = re.compile(r"\s*\[\[\s*servers\s*\]\]")


class NotWritten(Exception):
    """The file was not changed; the words say why and what to do."""


def save(path: Path, key: Sequence[str], value: str | int | bool | Sequence[str] | None) -> None:
    """Set one key (``("filters", "big")``, ``("columns",)``), or take it out (None).

    The file is replaced in one step, with the mode it had (a new one is the user's alone); a symbolic link to
    it stays a link.

    Raises:
        NotWritten: the file is no TOML, or it cannot be written.
    """

    def change(text: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        _put(document, key, list(value) if isinstance(value, (list, tuple)) else value)
        return tomlkit.dumps(document)

    _rewrite(path, change)


def put_server(path: Path, entry: ServerEntry, instead_of: str = "") -> None:
    """Write a server down: a new one behind the others, or in place of the one of a name.

    Raises:
        NotWritten: as `save`; or there is one of its name, or none of the other name, in this file.
    """

    def change(text: str) -> str:
        import tomlkit

        document: Any = tomlkit.parse(text)
        names = _names(document)
        if entry.name in names and entry.name != instead_of:
            raise NotWritten(f"There is a server called {entry.name} in {path} already.")
        if instead_of:
            place = document["servers"][_number(path, names, instead_of)]
            for name in set(place) - set(_said(entry)):
                del place[name]
            place.update(_said(entry))
        else:
            servers = document.setdefault("servers", tomlkit.aot())
            new = tomlkit.table() if isinstance(servers, tomlkit.items.AoT) else tomlkit.inline_table()
            new.update(_said(entry))
            above = servers[-1].as_string() if servers else ""
            if above.endswith("\n") and not above.endswith("\n\n"):
                servers[-1].add(tomlkit.nl())
            servers.append(new)
        return tomlkit.dumps(document)

    _rewrite(path, change)


def remove_server(path: Path, name: str) -> None:
    """Take a server out of the file; comments before and behind it stay.

    Raises:
        NotWritten: as `save`; or there is none of that name in this file.
    """

    def change(text: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        number = _number(path, _names(document), name)
        servers: Any = document["servers"]
        cut = _cut_out(text, number)
        del servers[number]
        if not servers:
            del document["servers"]
        # To tomlkit a comment before the next table is part of this one, and would go with it.
        whole = tomlkit.dumps(document)
        return cut if _same(cut, whole) else whole

    _rewrite(path, change)


def _said(entry: ServerEntry) -> dict[str, Any]:
    """What must be said of a server: its name, its host, and what is not as usual."""
    usual = asdict(ServerEntry(entry.name))
    said = {n: v for n, v in asdict(entry).items() if n in ("name", "host") or v != usual[n]}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in said.items()}


def _names(document: Any) -> list[str]:
    return [str(server.get("name", "")) for server in document.get("servers", ())]


def _number(path: Path, names: list[str], name: str) -> int:
    if name not in names:
        raise NotWritten(f"There is no server called {clean(name)} in {path}.")
    return names.index(name)


def _cut_out(text: str, number: int) -> str:
    """The text without the lines of one server's table; "" where it is not written as a table."""
    lines = text.splitlines(keepends=True)
    heads = [at for at, line in enumerate(lines) if _SERVER.match(line)]
    if number >= len(heads):
        return ""
    start = heads[number]
    stop = next((at for at in range(start + 1, len(lines)) if lines[at].lstrip().startswith("[")), len(lines))
    while lines[stop - 1].lstrip().startswith("#") or not lines[stop - 1].strip():
        stop -= 1
    while start and stop < len(lines) and not lines[start - 1].strip() and not lines[stop].strip():
        stop += 1
    return "".join(lines[:start] + lines[stop:])


def _same(one: str, other: str) -> bool:
    """Whether two texts say the same."""
    try:
        return tomllib.loads(one) == tomllib.loads(other)
    except ValueError:
        return False


def _put(document: Any, key: Sequence[str], value: Any) -> None:
    import tomlkit

    *tables, last = key
    place = document
    for name in tables:
        if name not in place:
            if value is None:
                return
            place[name] = tomlkit.table()
        place = place[name]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Put the changed text in place of the text of the file."""
    from tomlkit.exceptions import TOMLKitError

    real = Path(os.path.realpath(path))
    try:
        _replace(real, change(real.read_text("utf-8") if real.exists() else ""))
    except OSError as error:
        raise NotWritten(f"{path} could not be written: {error.strerror}.") from error
    except (TOMLKitError, ValueError, TypeError, AttributeError) as error:
        raise NotWritten(f"{path} was left as it is, for it has a mistake: {clean(str(error))}") from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".config-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise

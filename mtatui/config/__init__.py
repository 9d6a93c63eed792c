"""mtatui's own configuration: what it is, where it lies, and what holds when something in it is wrong.

``/etc/mtatui/config.toml`` for everybody, ``$XDG_CONFIG_HOME/mtatui/config.toml`` (``~/.config/…``) for one;
what the second says wins. A mistake never stops the start: it is told with file, line and key, what it is
about keeps its default, and the rest holds. Without a file nothing is imported to read one: start-up counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtatui.config.keys import Keys, checked
from mtatui.verbs import ALL, Action

SYSTEM = Path("/etc/mtatui/config.toml")


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """A server that mtatui manages: where its host is, and how it becomes root there."""

    name: str
    host: str = "localhost"
    sudo: bool = False
    config_directory: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What holds. ``problems`` are the mistakes that were found, each a sentence for the person."""

    theme: str = "textual-dark"
    read_only: bool = False
    columns: tuple[str, ...] = ()
    """The columns of the message table; () are the usual ones."""
    sort: tuple[str, bool] = ("age", False)
    """A field, and whether the largest come first."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Saved queries by name."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Keys by action id, as Textual's `App.set_keymap` takes them."""
    trash_days: int = 7
    trash_bytes: int = 1024**3
    servers: tuple[ServerEntry, ...] = ()
    ssh_config: str = ""
    """What ssh reads in place of the user's own configuration (ssh(1), ``-F``), "" for that."""
    problems: tuple[str, ...] = ()
    path: Path = Path()
    """The user's own file, whether it exists or not: `mtatui.config.writing.save` writes to it."""


def user_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the user's own configuration lies (XDG Base Directory Specification)."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return Path(base, "mtatui", "config.toml")


def load(
    environ: Mapping[str, str] = os.environ,
    system: Path = SYSTEM,
    actions: Iterable[Action] = ALL.values(),
) -> Config:
    """Read the configuration. Never fails: what is wrong is in ``problems``.

    Args:
        actions: all that have keys, to check what the file binds.
    """
    path = user_file(environ)
    values: dict[str, Any] = {}
    problems: list[str] = []
    keys: list[Keys] = []
    for file in (system, path):
        try:
            with open(file, "rb") as source:
                data = source.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{file}: could not be read ({error.strerror}); it was passed over.")
            continue
        from mtatui.config.schema import understand

        said, wrong, bound = understand(data, file)
        problems += wrong
        keys.append(bound)
        values = _over(values, said)
    if keys:
        values["keymap"], wrong = checked(keys, actions)
        problems += wrong
    return Config(**values, problems=tuple(problems), path=path)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """One file's values over another's: filters by name, servers by name, the rest whole."""
    merged = {**below, **above}
    if "filters" in below and "filters" in above:
        merged["filters"] = {**below["filters"], **above["filters"]}
    if "servers" in below and "servers" in above:
        named = {server.name: server for server in (*below["servers"], *above["servers"])}
        merged["servers"] = tuple(named.values())
    return merged

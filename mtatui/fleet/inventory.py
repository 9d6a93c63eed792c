"""Servers from elsewhere than the config file: an Ansible inventory, a plain list, names on the command line.

Where ``ansible-inventory`` is installed it reads inventories, whatever they are made of; without it those in
INI form are read here, and those in YAML where PyYAML can be imported. Groups become tags.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mtatui.config import ServerEntry
from mtatui.text import clean

#: Bytes of a file, and servers, that are taken for an inventory.
LARGEST, MOST = 4 * 1024 * 1024, 5000
#: Seconds for ``ansible-inventory``: it may have to ask a cloud.
PATIENCE = 60.0

#: A range in a host name: ``[01:20]``, ``[a:f]``, with a step ``[0:10:2]``.
_RANGE = re.compile(r"\[(\w+):(\w+)(?::(\d+))?\]")
_SECTION = re.compile(r"\[([^\]:]+)(?::(vars|children|hosts))?\]")
_EVERYBODY = {"all", "ungrouped"}
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_TRUE = {"true", "yes", "on", "1", "y", "t"}


class Unreadable(Exception):
    """It is no inventory that can be read here; the words say why."""


@dataclass(slots=True)
class _Group:
    """A group: what belongs to it directly, and what it says of all in it."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Inventory:
    """Groups and hosts by name, as all forms of inventories have them."""

    groups: dict[str, _Group] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def group(self, name: str) -> _Group:
        return self.groups.setdefault(name, _Group())

    def host(self, name: str, vars: Mapping[str, Any]) -> None:
        if len(self.hosts) >= MOST:
            raise Unreadable(f"more than {MOST:,} hosts")
        self.hosts.setdefault(name, {}).update(vars)


def read(path: str) -> list[ServerEntry]:
    """The servers of an inventory: a file (INI, YAML, a plain list) or whatever ``ansible-inventory`` takes.

    Raises:
        Unreadable: it is none, or none that can be read here.
    """
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise Unreadable(f"{path}: there is no such file")
    program = shutil.which("ansible-inventory")
    if program is not None:
        return _entries_of(path, _told(path, _ask(program, path)))
    yaml = path.endswith((".yml", ".yaml"))
    if os.path.isdir(path) or (os.access(path, os.X_OK) and not yaml):
        raise Unreadable(f"{path}: only ansible-inventory can read that, and it is not installed here")
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {clean(str(error))}") from error
    if len(text) > LARGEST:
        raise Unreadable(f"{path}: larger than {LARGEST >> 20} MiB")
    return _entries_of(path, _from_yaml(path, text) if yaml else _from_ini(path, text))


def listed(destinations: str) -> list[ServerEntry]:
    """The servers of a list with commas: ``mx1,root@mx2.example.com,mx3``, each as ssh takes it.

    Raises:
        Unreadable: one of them is none.
    """
    inventory = _Inventory()
    for word in destinations.split(","):
        if word.strip():
            inventory.host(word.strip(), {})
    return _entries(inventory)


# --- the forms --------------------------------------------------------------------------------------------


def _ask(program: str, path: str) -> bytes:
    from mtatui.backends.host import HostError
    from mtatui.backends.host_local import LocalHost

    try:
        home = os.path.expanduser("~")  # it wants to write there
        child = LocalHost().child(["env", f"HOME={home}", program, "-i", path, "--list"])
        out, err = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        child.kill()
        raise Unreadable(f"ansible-inventory did not read {path} within {PATIENCE:g} seconds") from error
    except HostError as error:
        raise Unreadable(str(error)) from error
    if child.returncode != 0:
        why = clean(err.decode("utf-8", "replace").strip().rpartition("\n")[2])
        raise Unreadable(f"ansible-inventory does not read {path}: {why}")
    return out


def _told(path: str, said: bytes) -> _Inventory:
    """What ``ansible-inventory --list`` says."""
    inventory = _Inventory()
    try:
        document = json.loads(said)
        for name, vars in document.pop("_meta", {}).get("hostvars", {}).items():
            inventory.host(str(name), vars)
        for name, group in document.items():
            inventory.group(name).children.update(dict.fromkeys(group.get("children", ())))
            for host in group.get("hosts", ()):
                inventory.group(name).hosts[str(host)] = None
                inventory.host(str(host), {})
    except (AttributeError, TypeError, ValueError) as error:
        raise Unreadable(f"ansible-inventory said something else than expected of {path}") from error
    return inventory


def _from_yaml(path: str, text: str) -> _Inventory:
    try:
        yaml = import_module("yaml")  # none of our dependencies: whoever has such inventories has it
    except ImportError as error:
        raise Unreadable(
            f"{path}: to read YAML takes ansible-inventory, or PyYAML (python3-yaml); neither is here"
        ) from error
    inventory = _Inventory()

    def take(name: str, group: Any) -> None:
        into = inventory.group(name)
        for host, vars in ((group or {}).get("hosts") or {}).items():
            for one in _spread(str(host)):
                into.hosts[one] = None
                inventory.host(one, vars or {})
        into.vars.update((group or {}).get("vars") or {})
        for child, its in ((group or {}).get("children") or {}).items():
            into.children[str(child)] = None
            take(str(child), its)

    try:
        for name, group in yaml.safe_load(text).items():
            take(str(name), group)
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: {clean(str(error)) or 'no inventory'}") from error
    return inventory


def _from_ini(path: str, text: str) -> _Inventory:
    """An inventory in INI form; without sections, a plain list."""
    import shlex

    inventory, name, kind = _Inventory(), "ungrouped", "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        try:
            if section := _SECTION.fullmatch(stripped):
                name, kind = section[1].strip(), section[2] or "hosts"
                inventory.group(name)
            elif kind == "vars":
                key, _, value = stripped.partition("=")
                inventory.group(name).vars[key.strip()] = value.strip().strip("\"'")
            elif kind == "children":
                inventory.group(name).children[stripped.split()[0]] = None
            else:
                word, *more = shlex.split(stripped, comments=True)
                vars = dict(pair.partition("=")[::2] for pair in more)
                for host in _spread(word):
                    inventory.group(name).hosts[host] = None
                    inventory.host(host, vars)
        except (ValueError, Unreadable) as error:
            raise Unreadable(f"{path}, line {number}: {clean(str(error))}") from error
    return inventory


def _spread(word: str) -> Iterator[str]:
    """The hosts that a word with ranges stands for."""
    match = _RANGE.search(word)
    if match is None:
        yield word
        return
    first, last, step = match[1], match[2], int(match[3] or 1)
    if first.isdigit() and last.isdigit():
        every = range(int(first), int(last) + 1, step or 1)
        numbers: Iterable[str] = (f"{number:0{len(first)}d}" for number in every)
    elif len(first) == len(last) == 1:
        numbers = map(chr, range(ord(first), ord(last) + 1, step or 1))
    else:
        raise ValueError(f"{word} is no range of hosts")
    before, after = word[: match.start()], word[match.end() :]
    for number in numbers:
        yield from _spread(f"{before}{number}{after}")


# --- the servers ------------------------------------------------------------------------------------------


def _entries(inventory: _Inventory) -> list[ServerEntry]:
    groups = inventory.groups
    parents: dict[str, list[str]] = {}
    for name, group in groups.items():
        for child in group.children:
            parents.setdefault(child, []).append(name)
    entries: dict[str, ServerEntry] = {}
    for host, own in inventory.hosts.items():
        within = _within([name for name, group in groups.items() if host in group.hosts], parents)
        vars: dict[str, Any] = {}
        for name in ("all", *reversed(within)):
            vars.update(groups[name].vars if name in groups else {})
        vars.update(own)
        tags = tuple(sorted(_UNFIT.sub("_", name) for name in within if name not in _EVERYBODY))
        entry = _entry(host, vars, tags)
        if entry.name in entries:
            raise Unreadable(
                f"two servers would be called {entry.name}: {host} and {entries[entry.name].host}"
            )
        entries[entry.name] = entry
    if not entries:
        raise Unreadable("there is no host in it")
    return list(entries.values())


def _entries_of(path: str, inventory: _Inventory) -> list[ServerEntry]:
    """The servers of a file; what is wrong with one of them is said with its name."""
    try:
        return _entries(inventory)
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from error


def _within(groups: Iterable[str], parents: Mapping[str, list[str]]) -> list[str]:
    """The groups, and those that they are in, the nearest first."""
    found = dict.fromkeys(groups)
    ahead = list(found)
    while ahead:
        for parent in parents.get(ahead.pop(0), ()):
            if parent not in found:
                found[parent] = None
                ahead.append(parent)
    return list(found)


def _entry(host: str, vars: Mapping[str, Any], tags: tuple[str, ...]) -> ServerEntry:
    """One server. Of Ansible's variables those that say where it is and who becomes root count."""

    def said(*names: str) -> str:
        return next((str(vars[name]) for name in names if vars.get(name) not in (None, "")), "")

    user, at, address = host.rpartition("@")
    name, colon, port = address.partition(":")
    if not colon or not port.isdigit():
        name, port = address, ""
    where = said("ansible_host", "ansible_ssh_host") or name
    user = said("ansible_user", "ansible_ssh_user") or (user if at else "")
    port = said("ansible_port", "ansible_ssh_port") or port
    if said("ansible_connection") == "local":
        where, user, port = "localhost", "", ""
    if port and not port.isdigit():
        raise Unreadable(f"{clean(host)}: {clean(port)!r} is no port")
    destination = f"{user}@{where}" if user else where
    if port and port != "22":
        address = f"[{where}]" if ":" in where else where
        destination = f"ssh://{user}@{address}:{port}" if user else f"ssh://{address}:{port}"
    if destination.startswith("-") or not destination.isprintable() or " " in destination:
        raise Unreadable(f"{clean(host)!r} is no host, nor user@host")
    called = _UNFIT.sub("_", name).lstrip(".-")[:64]
    if not called:
        raise Unreadable(f"{clean(host)!r} is no name of a host")
    sudo = said("ansible_become").lower() in _TRUE and user != "root"
    return ServerEntry(called, destination, sudo, said("mtatui_config_directory"), tags)

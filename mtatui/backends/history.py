"""The history of a server's settings: who changed what and when, how it ended, and what takes it back.

It lies on the server, in ``<queue_directory>/mtatui/settings``, for root only and shared by all admins; it is
read and changed through the program that writes it (`mtatui.backends.transaction`).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mtatui.backends.applying import Ending, ask
from mtatui.backends.child import to_its_end
from mtatui.backends.host import Host, HostError
from mtatui.settings.plan import Change
from mtatui.text import clean


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that an entry changed: digests (SHA-256, hex) before and after, None where there was none."""

    path: str
    before: str | None
    after: str | None
    mode: int = 0o644
    owner: str = ""
    """``user:group``, as numbers; "" for root."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of settings, done or begun. Nothing secret is in it."""

    id: str
    """Sorts by time; never an ID of the queue's journal, whose last part is hexadecimal."""
    at: float
    """Epoch seconds, as all times."""
    who: str
    server: str
    words: tuple[str, ...]
    """What it means, in sentences."""
    changes: tuple[Change, ...]
    commands: tuple[str, ...]
    diff: tuple[str, ...]
    """Unified, masked."""
    files: tuple[FileChange, ...]
    cautions: tuple[str, ...] = ()
    undoes: str = ""
    """The entry that it took back."""
    outcome: Ending | None = None
    """None: on its way, or interrupted."""
    text: str = ""
    """How it ended, in words."""
    ended: float = 0.0
    until: float | None = None
    """It waits to be confirmed until then, by the clock here."""
    interrupted: bool = False
    """Whoever applied it came to a sudden end; it was taken back afterwards."""

    @property
    def awaiting(self) -> bool:
        """Whether it is taken back unless somebody confirms it."""
        return self.outcome is Ending.AWAITING

    @property
    def finished(self) -> bool:
        """Whether its outcome is known."""
        return self.outcome is not None and not self.awaiting

    @property
    def undoable(self) -> bool:
        """Whether it changed something that can be taken back by a new plan."""
        return self.outcome is Ending.APPLIED and bool(self.files)


async def entries(host: Host, queue_directory: str, limit: int = 200) -> list[Entry]:
    """The last entries, the last first; none where nothing was ever changed.

    Raises:
        HostError: they cannot be read: in words.
    """
    found = await _ask(host, queue_directory, {"operation": "entries", "limit": limit}, changes=False)
    return [entry for entry in map(_entry, found) if entry is not None]


async def entry(host: Host, queue_directory: str, id: str) -> Entry:
    """One entry.

    Raises:
        HostError: there is none of this ID.
    """
    return _one(await _ask(host, queue_directory, {"operation": "entry", "id": id}, changes=False))


async def confirm(host: Host, queue_directory: str, id: str, *, who: str) -> Entry:
    """Keep a change that waits to be confirmed.

    Raises:
        HostError: it waits no more, in words.
    """
    return _one(await _ask(host, queue_directory, {"operation": "confirm", "id": id, "who": who}))


async def settle(host: Host, queue_directory: str, *, who: str) -> list[Entry]:
    """Take back what was interrupted and what nobody took care of (a reboot, a killed guard): those entries.

    Raises:
        HostError: that cannot be done, in words.
    """
    found = await _ask(host, queue_directory, {"operation": "settle", "who": who})
    return [entry for entry in map(_entry, found) if entry is not None]


async def material(host: Host, queue_directory: str, id: str) -> dict[str, bytes | None]:
    """The bytes of each file before an entry changed it, None where there was no such file.

    Raises:
        HostError: there is no such entry.
    """
    found = await _ask(host, queue_directory, {"operation": "material", "id": id}, changes=False)
    return {path: None if data is None else base64.b64decode(data) for path, data in found.items()}


def last_undoable(entries: Iterable[Entry]) -> Entry | None:
    """The last change that still stands: none that was taken back, and none that took another back. The
    entries are the last first."""
    taken_back = set()
    for entry in entries:
        if not entry.undoable:
            continue
        if entry.undoes:
            taken_back.add(entry.undoes)
        elif entry.id not in taken_back:
            return entry
    return None


def left_by_us(entries: Iterable[Entry]) -> dict[str, str | None]:
    """The digest that each file had when we changed it last (None: we removed it): what differs now was
    changed by somebody else. The entries are the last first."""
    left: dict[str, str | None] = {}
    for entry in entries:
        if entry.outcome in (Ending.APPLIED, Ending.AWAITING, Ending.ROLLED_BACK):
            for file in entry.files:
                left.setdefault(file.path, file.before if entry.outcome is Ending.ROLLED_BACK else file.after)
    return left


async def _ask(host: Host, queue_directory: str, request: Mapping[str, Any], *, changes: bool = True) -> Any:
    return await to_its_end(ask, host, queue_directory, request, changes=changes)


def _one(document: Mapping[str, Any]) -> Entry:
    entry = _entry(document)
    if entry is None:
        raise HostError("It was written by another version of mtatui, which can read it.")
    return entry


def _entry(document: Mapping[str, Any]) -> Entry | None:
    """An entry as it was written; None for what another version wrote, which we do not understand."""
    try:
        return _understood(document)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _understood(document: Mapping[str, Any]) -> Entry:
    state = document["state"]
    awaiting = state.get("phase") == "awaiting"
    return Entry(
        id=document["id"],
        at=document["at"],
        who=clean(document["who"]),
        server=clean(document["server"]),
        words=tuple(map(clean, document["words"])),
        changes=tuple(_change(*change) for change in document["changes"]),
        commands=tuple(map(clean, document["commands"])),
        diff=tuple(map(clean, document["diff"])),
        files=tuple(map(_file, document["files"])),
        cautions=tuple(map(clean, document["cautions"])),
        undoes=document["undoes"],
        outcome=Ending.AWAITING if awaiting else Ending(state["outcome"]) if "outcome" in state else None,
        text=clean(state.get("text", "")),
        ended=state.get("at", 0.0),
        until=time.time() + state["left"] if awaiting else None,
        interrupted=state.get("interrupted", False),
    )


def _change(key: str, label: str, before: str, after: str, was: Any = None) -> Change:
    return Change(clean(key), clean(label), clean(before), clean(after), was)


def _file(file: Mapping[str, Any]) -> FileChange:
    owner = f"{file['uid']}:{file['gid']}" if "uid" in file else ""
    return FileChange(file["path"], file["before"], file["after"], file.get("mode", 0o644), owner)

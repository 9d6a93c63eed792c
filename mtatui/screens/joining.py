"""Servers come to the list and go from it: added, checked, edited, removed. Nothing is changed on a server.

The list is in the user's config file. A server is checked before it is written down, and the connection that
was opened for that is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from textual.screen import Screen

from mtatui.config import Config, ServerEntry
from mtatui.fleet import Fleet
from mtatui.screens.acting import Acting
from mtatui.screens.tending import Tending
from mtatui.server import Server
from mtatui.text import clean
from mtatui.widgets.dialog import ConfirmDialog

if TYPE_CHECKING:
    from mtatui.fleet.checking import Finding


class JoiningFace(Protocol):
    """What coming and going asks of the app."""

    fleet: Fleet
    config: Config
    acting: Acting
    tending: Tending

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None]) -> Any:
        """Ask, and hear the answer."""
        ...

    def tell(self, text: str, severity: str = "information") -> None:
        """Say one line."""
        ...

    def servers_changed(self, gone: Server | None = None, instead: Server | None = None) -> None:
        """The list is another one now."""
        ...


class Joining:
    """The hands of the page of servers."""

    def __init__(self, face: JoiningFace) -> None:
        self.face = face

    @property
    def entries(self) -> Mapping[str, ServerEntry]:
        """The servers of the config files, by their names."""
        return {entry.name: entry for entry in self.face.config.servers}

    def why_not(self, server: Server) -> str:
        """Why a server cannot be changed in the list; "" where it can."""
        if server.name not in self.entries:
            return f"{clean(server.name)} is not in your config file"
        if self.face.tending.busy(server):
            return "settings are being applied there"
        return f"busy: {self.face.acting.running}" if self.face.acting.running else ""

    def why_not_add(self) -> str:
        """Why none can be added; "" where it can."""
        return "in the demo nothing is real" if self.face.fleet.servers[0].host.name == "demo" else ""

    # --- one that comes --------------------------------------------------------------------------------

    def check(self, server: Server) -> None:
        """Check one that is there."""
        self._check(f"Check of {server.name}", server, "", lambda yes: None)

    def add(self, begun: ServerEntry | None = None) -> None:
        """Ask for a new one, check it, write it down. ``begun``: what was typed before."""
        from mtatui.screens.server_editor import ServerDialog

        def typed(entry: ServerEntry | None) -> None:
            if entry is None:
                self.face.tell("Nothing was written down.")
            else:
                self._try(entry, lambda server: self._take(server, entry), lambda: self.add(entry))

        taken = [server.name for server in self.face.fleet.servers]
        self.face.push_screen(ServerDialog("Add a server", begun, taken), typed)

    def edit(self, server: Server, begun: ServerEntry | None = None) -> None:
        """Ask what shall be otherwise, check that, write it down. ``begun``: what was typed before."""
        from mtatui.screens.server_editor import ServerDialog

        before = self.entries[server.name]

        def typed(entry: ServerEntry | None) -> None:
            if entry is None or entry == before:
                self.face.tell("Nothing was changed.")
            elif replace(entry, name=before.name, tags=before.tags) == before:
                self._replace(server, before, self._opened(entry), entry)
            else:
                self._try(
                    entry,
                    lambda opened: self._replace(server, before, opened, entry),
                    lambda: self.edit(server, entry),
                )

        taken = [other.name for other in self.face.fleet.servers if other is not server]
        self.face.push_screen(ServerDialog(f"Edit {server.name}", begun or before, taken), typed)

    def remove(self, server: Server) -> None:
        """Take one off the list, after asking."""
        lines = ["Only your config file is changed; nothing happens to the server, and its mail flows on."]
        if staged := self.face.tending.staged_on(server):
            lines.append(f"What is staged there and not applied ({staged}) is forgotten.")

        def answered(yes: bool | None) -> None:
            if yes:
                self._remove(server)
            else:
                self.face.tell("Nothing was done.")

        title = f"Take {server.name} off the list?"
        self.face.push_screen(ConfirmDialog(title, lines, act="Remove"), answered)

    # --- doing it --------------------------------------------------------------------------------------

    def _opened(self, entry: ServerEntry) -> Server:
        from mtatui.fleet.opening import Opening

        fleet = self.face.fleet
        opening = Opening.of(self.face.config, read_only=fleet.read_only, questions=fleet.questions)
        return opening.server(entry)

    def _try(self, entry: ServerEntry, take: Callable[[Server], None], back: Callable[[], None]) -> None:
        """Check what was typed; then take it, or go back to it."""
        server = self._opened(entry)

        def answered(yes: bool | None) -> None:
            if yes:
                take(server)
            else:
                threading.Thread(target=server.close, name=f"close-{entry.name}", daemon=True).start()
                back()

        self._check(f"Check of {entry.name}", server, "Save", answered)

    def _check(self, title: str, server: Server, act: str, answered: Callable[[bool | None], None]) -> None:
        from mtatui.fleet.checking import check
        from mtatui.screens.server_check import CheckDialog

        async def run(tell: Callable[[Finding], None]) -> Sequence[Finding]:
            return await check(server, tell)

        self.face.push_screen(CheckDialog(title, run, act), answered)

    def _take(self, server: Server, entry: ServerEntry) -> None:
        new = [entry]
        if not self.face.config.servers:  # once there is a list, this machine is in it, or is not managed
            new[:0] = [_of_this_machine(one) for one in self.face.fleet.servers if not one.far]
        if self._write(*((one, "") for one in new)):
            self.face.config = replace(self.face.config, servers=(*self.face.config.servers, *new))
            self._join(server, entry)
            self.face.tell(f"{entry.name} is on the list, {self.face.config.path}.")

    def _replace(self, old: Server, before: ServerEntry, new: Server, entry: ServerEntry) -> None:
        if not self._write((entry, before.name)):
            return
        entries = tuple(entry if one.name == before.name else one for one in self.face.config.servers)
        self.face.config = replace(self.face.config, servers=entries)
        if self.face.fleet.many:
            self.face.fleet.remove(old.name)
            self._join(new, entry, gone=old)
            self.face.tell(f"{entry.name} is written down, {self.face.config.path}.")
        else:
            self.face.tell(f"{entry.name} is written down; it holds when mtatui is started again.")

    def _join(self, server: Server, entry: ServerEntry, gone: Server | None = None) -> None:
        fleet = self.face.fleet
        try:
            fleet.join(server, entry.tags)
        except ValueError as error:
            self.face.tell(f"It is written down, and there when mtatui is started again: {error}.", "warning")
            self.face.servers_changed(gone)
        else:
            if gone is not None:  # it stands where that stood
                fleet.arrange(self.entries)
            self.face.servers_changed(gone, instead=server)

    def _remove(self, server: Server) -> None:
        from mtatui.config.writing import NotWritten, remove_server

        if not self.face.fleet.many:
            self.face.tell("This is the only server: there must be one to look at.", "warning")
            return
        try:
            remove_server(self.face.config.path, server.name)
        except NotWritten as error:
            self.face.tell(str(error), "error")
            return
        entries = tuple(entry for entry in self.face.config.servers if entry.name != server.name)
        self.face.config = replace(self.face.config, servers=entries)
        self.face.fleet.remove(server.name)
        self.face.servers_changed(gone=server)
        self.face.tell(f"{server.name} is off the list.")

    def _write(self, *changes: tuple[ServerEntry, str]) -> bool:
        """Write entries down, each in place of the one of a name; whether that worked."""
        from mtatui.config.writing import NotWritten, put_server

        try:
            for entry, instead_of in changes:
                put_server(self.face.config.path, entry, instead_of)
        except NotWritten as error:
            self.face.tell(str(error), "error")
            return False
        return True


def _of_this_machine(server: Server) -> ServerEntry:
    """The entry of a server, or an instance, that was there without a list."""
    from mtatui.backends.host_sudo import SudoHost

    sudo = isinstance(server.host, SudoHost)
    return ServerEntry(server.name, "localhost", sudo, server.config_directory or "")

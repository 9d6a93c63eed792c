"""Choose the server that is shown: type a part of its name or of a tag, go there with enter."""

from __future__ import annotations

import time
from collections.abc import Iterable

from textual.widgets import Input

from mtatui.fleet import Fleet
from mtatui.screens.seeking import Fitting, SeekingScreen
from mtatui.screens.servers_model import words
from mtatui.server import Server
from mtatui.text import clean, fit
from mtatui.widgets.lines import Piece


class Fit(Fitting[Server]):
    """The servers that fit."""

    NOTHING = "No server is called that"

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self.fleet = fleet

    def told(self, item: Server) -> Iterable[Piece]:
        counts = self.fleet.index.counts([item.part_name])
        said, role = words(self.fleet.condition(item.part_name), sum(counts.values()), time.time())
        yield fit(clean(item.name), 24) + "  ", ""
        yield fit(said, 26) + "  ", role
        yield clean(" ".join(self.fleet.tags.get(item.name, ()))), "dim"


class ServerSeek(SeekingScreen[Server, Server | None]):
    """Answers with the server that was chosen."""

    SIGN = "@"

    def __init__(self, fleet: Fleet, current: Server) -> None:
        super().__init__(Fit(fleet), Input(placeholder="a part of its name, or a tag", select_on_focus=False))
        self.fleet = fleet
        self.current = current

    def on_mount(self) -> None:
        """Begin where one is."""
        super().on_mount()
        self.fitting.move_to(self.fleet.servers.index(self.current))

    def narrow(self, typed: str) -> None:
        word = typed.strip().lower()
        self.show(
            [
                server
                for server in self.fleet.servers
                if word in server.name.lower()
                or any(tag.lower().startswith(word) for tag in self.fleet.tags.get(server.name, ()))
            ]
        )

    def on_input_submitted(self) -> None:
        """Take what the cursor is on."""
        self.take()

    def take(self) -> bool:
        if (chosen := self.fitting.chosen) is not None:
            self.dismiss(chosen)
        return chosen is not None

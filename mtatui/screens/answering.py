"""Keys on their way to what they mean: in the order in which they were typed, and before all other work."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from mtatui.screens.current import CurrentServer

#: Keys that are obeyed in their turn among the letters of a line.
_EDITING = {
    "tab",
    "shift+tab",
    *(key for binding in Input.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")),
} - {"enter"}
#: Seconds that whoever is busy with a queue stands back for the answer to a key, at most.
ANSWERING = 0.05


class AnsweringApp(CurrentServer):
    """An app that answers keys."""

    async def on_event(self, event: events.Event) -> None:
        """Take keys in the order in which they were typed.

        Textual lets a key climb from the widget in focus up to the app before it looks what it is bound to.
        What is typed ahead over a slow line, or pasted, overtakes it: of "/delete" the "d" would have reached
        the list before the "/" had moved the focus into the filter, and would be a verb; what follows a tab
        would stand in the field before, and what follows a backspace would be what it takes away.
        """
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.fleet.index.stand_back(ANSWERING)
            self.call_after_refresh(self.fleet.index.stand_back, 0)
            line = self.focused
            if not isinstance(line, Input):
                obeyed = True
            elif obeyed := event.key in _EDITING:
                written = asyncio.Event()
                with suppress(TimeoutError):  # the line is being closed
                    if line.call_later(written.set):
                        await asyncio.wait_for(written.wait(), 1)
            for first in (True, False) if obeyed else ():
                if await self._check_bindings(event.key, priority=first):
                    return
        await super().on_event(event)

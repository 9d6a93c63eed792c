"""The detail pane of the queue page: it asks for the message under the cursor, who never waits for it."""

from __future__ import annotations

import asyncio
import time

from textual import work

from mtatui.fleet import Fleet
from mtatui.queue.message import Message
from mtatui.widgets.detail import MessageDetail

#: Seconds that a key waits for what the index knows of a message.
PATIENCE = 0.01


class QueueDetail(MessageDetail):
    """All that is known of one message of the queue."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(id="detail")
        self._fleet = fleet
        self._wanted: tuple[str | None, str] = None, ""

    def follow(self, id: str | None, note: str = "") -> None:
        """Show a message by its ID: in the same frame, for a second one would cost as much again. Only where
        the index has no time, because a large queue is being counted or sorted, it comes later.

        Args:
            note: a last line, such as how many messages wait for the same reason.
        """
        self._wanted = id, note
        if not self.display:
            return
        try:
            message = self._fleet.message(id, PATIENCE) if id else None
        except TimeoutError:
            self._follow_later(id, note)
        else:
            self._tell(message, note)

    @work(group="detail", exclusive=True, exit_on_error=False)
    async def _follow_later(self, id: str, note: str) -> None:
        message = await asyncio.to_thread(self._fleet.message, id)
        if (id, note) == self._wanted:
            self._tell(message, note)

    def _tell(self, message: Message | None, note: str) -> None:
        expires = self._fleet.expires(message) if message is not None else 0
        self.show(message, now=time.time(), expires=expires, note=note)

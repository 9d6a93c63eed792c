"""What the message screen asks of the servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from mtatui.queue.message import Message, State
from mtatui.verbs import Action

if TYPE_CHECKING:
    from mtatui.backends.verdicts import Verdicts


class MessageSource(Protocol):
    """Where a message screen has its message from. Each of those that read may raise a HostError."""

    def message(self, id: str) -> Message | None:
        """What the index knows; None once it is in the queue no more."""
        ...

    def why_not(self, action: Action, states: Iterable[State] = (), keys: Iterable[str] | None = None) -> str:
        """Why an action cannot be done to these messages, in these states; "" where it can."""
        ...

    def expires(self, message: Message) -> int:
        """When it goes back to its sender (epoch seconds), 0 where that is not known."""
        ...

    async def content(self, id: str, limit: int) -> tuple[bytes, bool]:
        """The raw message up to a limit in bytes, and whether there is more."""
        ...

    async def records(self, id: str) -> str:
        """The envelope records as text."""
        ...

    async def log_lines(self, id: str) -> list[str]:
        """The lines of the mail log about it."""
        ...

    async def verdicts(self, id: str, *, progress: Callable[[Verdicts], None]) -> Verdicts:
        """What clamd, SpamAssassin and its signatures say of it; ``progress`` hears it as it comes."""
        ...

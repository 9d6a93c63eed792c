"""What ssh asks the person: passwords, passphrases, new host keys. One question at a time, in their order.

Hosts ask in threads of their own: each waits here for its answer. Nothing that was answered is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtatui.backends.host import Prompt


@dataclass(eq=False, slots=True)
class _Waiting:
    """Somebody who has asked."""

    prompt: Prompt
    answered: threading.Event = field(default_factory=threading.Event)
    answer: str | None = None


class Prompts:
    """The questions that wait. It is what a host takes as its ``on_prompt``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._listener: Callable[[], None] = lambda: None
        self._closed = False

    def __call__(self, prompt: Prompt) -> str | None:
        """Ask, and wait for the answer; None where there is to be none. Called in a thread of the host."""
        waiting = _Waiting(prompt)
        with self._lock:
            if self._closed:
                return None
            self._waiting.append(waiting)
        self._listener()
        waiting.answered.wait()
        return waiting.answer

    def listen_in(self, loop: asyncio.AbstractEventLoop, listener: Callable[[], None]) -> None:
        """Have it called, in the loop of the face, when there is a question."""
        context = contextvars.copy_context()

        def asked() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to answer
                loop.call_soon_threadsafe(listener, context=context)

        self._listener = asked

    @property
    def first(self) -> Prompt | None:
        """The question that has waited longest."""
        with self._lock:
            return self._waiting[0].prompt if self._waiting else None

    def answer(self, prompt: Prompt, text: str | None) -> None:
        """Answer a question; None refuses it."""
        with self._lock:
            mine = [one for one in self._waiting if one.prompt is prompt]
            self._waiting = [one for one in self._waiting if one not in mine]
        for one in mine:
            one.answer = text
            one.answered.set()

    def close(self) -> None:
        """Nobody is there any more to answer: whoever waits, or asks from now on, gets nothing."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.answered.set()

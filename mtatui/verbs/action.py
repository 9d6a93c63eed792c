"""What an action is, and a verb."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Danger(IntEnum):
    """How much an action can hurt: it looks, it can be taken back, it cannot."""

    LOOKS = 0
    REVERSIBLE = 1
    FINAL = 2


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do.

    ``id`` is what a config file rebinds; ``keys`` are Textual's names, comma-separated; ``where`` is the
    screen it belongs to ("queue", "message", "settings", "history", "services"), or "one" (those that show
    one server), or "pages" (all but the message), or "everywhere"; ``argument`` describes what it takes in
    the palette; ``footer`` says whether its key is worth a place there.
    """

    id: str
    keys: str
    label: str
    help: str
    where: str = "queue"
    danger: Danger = Danger.LOOKS
    cli: str = ""
    argument: str = ""
    footer: bool = True


@dataclass(frozen=True, slots=True)
class Verb(Action):
    """An action over messages. ``postsuper`` is its option letter, "" where another command does it."""

    postsuper: str = ""
    directories: tuple[str, ...] = ()
    """Where postsuper is to look, if not in its default directories: qmgr has what is active in its memory,
    so that is not to be moved under its own queue ID."""
    needs_root: bool = True
    done: str = ""
    """What a receipt says when it worked."""

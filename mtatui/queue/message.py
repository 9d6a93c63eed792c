"""What the queue is made of: states, messages, their recipients, and who a message *is*.

A *row* is one message as the spool reader or ``postqueue -j`` gave it: a plain list, cheap to ship by the
hundred thousand. A `Message` is the same thing for people and for code that looks at one at a time. An
`Identity` is what a verb is aimed at: short queue IDs are reused (they end in an inode number), so the ID
alone never is enough.

Where several servers are managed, an ID alone does not say whose it is: what the index gives and takes there
as an ID is the message's *key*, ``SERVER/ID``. Of a lone server, which has no name, the ID is the key. What
is shown is the queue ID; `split` takes keys apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a message is, by the queue directory it lies in (QSHAPE_README, qmgr(8)), plus our trash."""

    ACTIVE = "active"
    CORRUPT = "corrupt"
    DEFERRED = "deferred"
    INCOMING = "incoming"
    HOLD = "hold"
    MAILDROP = "maildrop"
    TRASH = "trash"


#: The columns of a row, in order. ``arrival`` and ``mtime`` are seconds since the epoch (0: not known);
#: ``mtime`` of a deferred message is its next retry (QSHAPE_README). ``size`` is content bytes.
#: ``sender`` is "" for the null sender. Text is as the stranger wrote it: it passes `mtatui.text`
#: on its way in.
ROW = (
    "id",
    "state",
    "arrival",
    "size",
    "mtime",
    "sender",
    "client_ip",
    "client_name",
    "helo",
    "sasl_user",
    "content_filter",
    "recipients",
)
#: A recipient inside a row: address, reason ("" where none is known), DSN status ("4.4.1" or ""),
#: 1 where already served and else 0, and the original address ("" where it is the same).
RECIPIENT = ("address", "reason", "status", "done", "original")

Row = list[Any]


def key(server: str, queue_id: str) -> str:
    """What the index calls a message of a server ("" for a lone one); no queue ID and no name has a slash."""
    return f"{server}/{queue_id}" if server else queue_id


def split(key: str) -> tuple[str, str]:
    """The server ("" for a lone one) and the queue ID that a key is made of."""
    server, slash, queue_id = key.partition("/")
    return (server, queue_id) if slash else ("", key)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a message is: the queue ID with what must still be true of it when we act."""

    id: str
    arrival: int
    size: int
    sender: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient: where to, what the last attempt said, and whether it has been served."""

    address: str
    reason: str = ""
    status: str = ""
    done: bool = False
    original: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue, all that its envelope and defer log tell."""

    id: str
    state: State
    arrival: int
    size: int
    mtime: int
    sender: str
    client_ip: str = ""
    client_name: str = ""
    helo: str = ""
    sasl_user: str = ""
    content_filter: str = ""
    recipients: tuple[Recipient, ...] = field(default=())

    @classmethod
    def from_row(cls, row: Row) -> Message:
        """The message that a row describes."""
        fields = dict(zip(ROW, row, strict=True))
        fields["state"] = State(fields["state"])
        fields["recipients"] = tuple(Recipient(a, r, s, bool(d), o) for a, r, s, d, o in fields["recipients"])
        return cls(**fields)

    @property
    def server(self) -> str:
        """The name of the server it is on, "" of a lone one."""
        return split(self.id)[0]

    @property
    def queue_id(self) -> str:
        """What its server calls it: its ID without the server."""
        return split(self.id)[1]

    @property
    def identity(self) -> Identity:
        """Who this message is."""
        return Identity(self.id, self.arrival, self.size, self.sender)

    @property
    def retry(self) -> int:
        """When Postfix will try again (epoch seconds), 0 where that is not known or does not apply."""
        return self.mtime if self.state is State.DEFERRED else 0


def no_sender(state: State, arrival: int) -> str:
    """What stands for an empty sender: the null sender's ``<>``, or "" where none could be read."""
    return "<>" if arrival and state is not State.CORRUPT else ""

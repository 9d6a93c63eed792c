"""One message of the demo's queue in the hands of its daemon: read back, put off again, served.

Also what becomes of a message that passes through maildrop: a draft of itself, to be written anew. Standard
library only.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

from mtatui.backends.demo.spool import EXPIRE, Spool, records
from mtatui.backends.demo.writer import Draft, To, defer_log

#: What defer(8) wrote about one recipient: lines between two empty ones.
_BLOCKS = re.compile(rb"\n(?:[^\n]+\n)+\n")
_FIELD = re.compile(rb"^(offset|reason|status)=(.*)$", re.MULTILINE)


@dataclass(slots=True)
class Waiting:
    """A recipient that is still to be served: the offset of its record, and what the log has about it."""

    offset: int
    address: str
    block: bytes = b""
    reason: str = ""
    status: str = ""

    def put_off(self, reason: str, status: str) -> None:
        """Write down why it could not be served."""
        self.reason, self.status = reason, status
        self.block = defer_log([To(self.address, reason, status)], [self.offset])


@dataclass(slots=True)
class Letter:
    """A message that is being delivered."""

    id: str
    path: str
    draft: Draft
    waiting: list[Waiting]

    def served(self, some: list[Waiting]) -> None:
        """Mark recipients as done, in place, as the delivery agents do."""
        fd = os.open(self.path, os.O_WRONLY)
        try:
            for to in some:
                os.pwrite(fd, b"D", to.offset)
        finally:
            os.close(fd)
        self.waiting = [to for to in self.waiting if to not in some]

    def defer(self, spool: Spool, retry: float) -> None:
        """Put the message back among the deferred, with what is known about each recipient."""
        log = spool.place("defer", self.id)
        os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(b"".join(to.block for to in self.waiting))
        os.utime(self.path, (retry, retry))
        self.path = spool.move(self.path, "deferred", self.id)

    def remove(self, spool: Spool) -> None:
        """The message has been dealt with."""
        spool.remove_logs(self.id)
        os.unlink(self.path)


def read(spool: Spool, id: str, path: str) -> Letter:
    """Read a message and its defer log.

    Raises:
        FileNotFoundError: it is gone.
        Broken: it ends in the middle of a record.
    """
    with open(path, "rb") as file:
        data = file.read()
        expired = bool(os.fstat(file.fileno()).st_mode & EXPIRE)
    draft = Draft([], state="incoming", expired=expired)
    said = _log(spool.place("defer", id))
    waiting: list[Waiting] = []
    lines: list[bytes] = []
    in_content = False
    for kind, offset, value in records(data):
        match chr(kind):
            case "N" | "L" if in_content:
                lines.append(value + (b"\n" if kind == ord("N") else b""))
            case "M" | "X":
                in_content = kind == ord("M")
            case "T":
                seconds, _, usec = value.partition(b" ")
                draft.arrival = int(seconds) + int(usec or 0) / 1_000_000
            case "S":
                draft.sender = _text(value)
            case "F":
                draft.full_name = _text(value)
            case "A":
                _attribute(draft, _text(value))
            case "R":
                waiting.append(Waiting(offset, _text(value), *said.get(offset, ())))
    content = b"".join(lines)
    head, blank, draft.body = content.partition(b"\n\n")
    draft.headers = head + blank[:1]
    draft.recipients = [To(to.address) for to in waiting]
    return Letter(id, path, draft, waiting)


def _attribute(draft: Draft, text: str) -> None:
    name, _, value = text.partition("=")
    match name:
        case "client_address":
            draft.client_ip = value
        case "client_name":
            draft.client_name = value
        case "helo_name":
            draft.helo = value
        case "sasl_username":
            draft.sasl_user = value
        case "encoding":
            draft.encoding = value


def _log(path: str) -> dict[int, tuple[bytes, str, str]]:
    """The blocks of a defer log with reason and status, by the offset of the recipient."""
    said = {}
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        for block in _BLOCKS.findall(file.read()):
            fields = dict(_FIELD.findall(block))
            said[int(fields.get(b"offset", 0))] = (
                block,
                _text(fields.get(b"reason", b"")),
                _text(fields.get(b"status", b"")),
            )
    return said


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")

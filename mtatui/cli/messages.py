"""A message as the command line shows it, as JSON and in words; and queue IDs as it takes them."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mtatui.cli.guard import Misused
from mtatui.queue.message import no_sender
from mtatui.text import ago, clean, count, size

if TYPE_CHECKING:
    from mtatui.queue.message import Message, Recipient
    from mtatui.server import Server

#: Queue IDs, short and long (postconf(5), enable_long_queue_ids); in the trash a number may stand behind.
_ID = re.compile(r"[A-Za-z0-9]{5,40}(?:\.[0-9]{1,9})?")


def checked(words: Iterable[str]) -> list[str]:
    """Queue IDs, each once, ``-`` replaced by those on standard input (one a line, or several).

    Raises:
        Misused: one of them cannot be a queue ID; nothing is done with the others either.
    """
    ids: dict[str, None] = {}
    for word in words:
        for id in sys.stdin.read().split() if word == "-" else [word]:
            if not _ID.fullmatch(id):
                raise Misused(f"{clean(id[:80])!r} is not a queue ID; nothing was done")
            ids[id] = None
    return list(ids)


def as_json(message: Message, server: Server) -> dict[str, Any]:
    """A message as an object (a contract). Times are epoch seconds, null where they are not known."""
    return {
        "id": message.id,
        "state": message.state,
        "arrival": message.arrival or None,
        "size": message.size,
        "retry": message.retry or None,
        "expires": server.expires(message) or None,
        "sender": message.sender,
        "client_ip": message.client_ip,
        "client_name": message.client_name,
        "helo": message.helo,
        "sasl_user": message.sasl_user,
        "content_filter": message.content_filter,
        "recipients": [
            {
                "address": r.address,
                "reason": r.reason,
                "status": r.status,
                "done": r.done,
                "original": r.original,
            }
            for r in message.recipients
        ],
    }


def envelope(message: Message, server: Server) -> Iterator[str]:
    """A message in words, line by line."""
    now = time.time()
    origin = f"{message.client_name or 'unknown'} [{message.client_ip}]" if message.client_ip else ""
    facts = {
        "id": message.id,
        "state": message.state,
        "from": message.sender or no_sender(message.state, message.arrival),
        "login": message.sasl_user,
        "origin": origin,
        "helo": message.helo,
        "filter": message.content_filter,
        "size": f"{size(message.size)} ({count(message.size)} bytes)",
        "arrived": _moment(message.arrival, now),
        "next try": _moment(message.retry, now),
        "returns": _moment(server.expires(message), now),
    }
    yield from (f"{name:9} {value}" for name, value in facts.items() if value)
    for recipient in sorted(message.recipients, key=lambda r: r.done):
        yield from _recipient(recipient)


def _recipient(recipient: Recipient) -> Iterator[str]:
    original = f" (was {recipient.original})" if recipient.original else ""
    yield f"{'to':9} {recipient.address}{original}{'  served' if recipient.done else ''}"
    reason = " ".join(filter(None, (recipient.status, recipient.reason)))
    if reason:
        yield f"{'':9}   {reason}"


def _moment(at: int, now: float) -> str:
    if not at:
        return ""
    away = f"in {ago(at - now)}" if at > now else f"{ago(now - at)} ago"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))} ({away})"

"""A message as the command line shows it, as JSON and in words; and queue IDs as it takes them."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from mtatui.cli.guard import Misused
from mtatui.queue.message import key, no_sender, split
from mtatui.text import ago, clean, count, size

if TYPE_CHECKING:
    from mtatui.cli.gathering import Gathered
    from mtatui.queue.message import Message, Recipient

#: Queue IDs, short and long (postconf(5), enable_long_queue_ids); in the trash a number may stand behind. The
#: server may stand before.
_ID = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}/)?[A-Za-z0-9]{5,40}(?:\.[0-9]{1,9})?")


class Expiring(Protocol):
    """Who knows when messages go back to their senders: a server, or a fleet of them."""

    def expires(self, message: Message) -> int:
        """When a message does (epoch seconds), 0 where it does not or nobody knows."""
        ...


def checked(words: Iterable[str]) -> list[str]:
    """Queue IDs (``ID`` or ``SERVER/ID``), each once, ``-`` replaced by those on standard input (one a line,
    or several).

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


def servers_named(ids: Iterable[str]) -> list[str] | None:
    """The servers that stand before the IDs; None where one has none before it, and so may be anywhere."""
    servers = dict.fromkeys(split(id)[0] for id in ids)
    return None if "" in servers else list(servers)


def keys_of(them: Gathered, ids: Iterable[str]) -> list[str]:
    """What the index calls the messages of these IDs. Where an ID is on no server it stays as it is.

    Raises:
        Misused: an ID is on several servers, or a server is none of them; nothing is done with the others
            either.
    """
    fleet, ids = them.fleet, list(ids)
    if not them.many:
        server = fleet.servers[0]
        for id in ids:
            if split(id)[0] not in ("", server.name):
                raise Misused(f"{id}: this is {clean(server.name)}; nothing was done")
        return list(dict.fromkeys(split(id)[1] for id in ids))
    for id in ids:
        if split(id)[0] not in ("", *them.names):
            raise Misused(f"{id}: no such server is meant here; nothing was done")
    bare = [id for id in ids if not split(id)[0]]
    anywhere = [key(name, id) for id in bare for name in them.answering]
    there: dict[str, list[str]] = {}
    nowhere = set(fleet.index.unknown(anywhere))
    for found in anywhere:
        if found not in nowhere:
            there.setdefault(split(found)[1], []).append(found)
    for id, found_at in there.items():
        if len(found_at) > 1:
            raise Misused(f"{id} is on several servers: say {' or '.join(found_at)}; nothing was done")
    return list(dict.fromkeys(there[id][0] if id in there else id for id in ids))


def as_json(message: Message, of: Expiring) -> dict[str, Any]:
    """A message as an object (a contract). Times are epoch seconds, null where they are not known. Where
    there are several servers, it says on which it is."""
    whose = {"server": message.server} if message.server else {}
    return {
        **whose,
        "id": message.queue_id,
        "state": message.state,
        "arrival": message.arrival or None,
        "size": message.size,
        "retry": message.retry or None,
        "expires": of.expires(message) or None,
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


def envelope(message: Message, of: Expiring) -> Iterator[str]:
    """A message in words, line by line."""
    now = time.time()
    origin = f"{message.client_name or 'unknown'} [{message.client_ip}]" if message.client_ip else ""
    facts = {
        "server": message.server,
        "id": message.queue_id,
        "state": message.state,
        "from": message.sender or no_sender(message.state, message.arrival),
        "login": message.sasl_user,
        "origin": origin,
        "helo": message.helo,
        "filter": message.content_filter,
        "size": f"{size(message.size)} ({count(message.size)} bytes)",
        "arrived": _moment(message.arrival, now),
        "next try": _moment(message.retry, now),
        "returns": _moment(of.expires(message), now),
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

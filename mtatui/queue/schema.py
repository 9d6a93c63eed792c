"""The tables of the index, and the SQLite connection that holds them.

A message is one row of ``message``; what a hundred thousand of them share (domains, causes, where they
came from) stands once in a table of its own. Nearly every message has one recipient, so the *lead*
recipient (the first still to be served, else the first) lies in the message's own row and only further
ones in ``other``: that halves memory, and most questions need no join. A side table may hold a value
twice (`mtatui.queue.intake`). Of a fleet all messages lie together, the ``id`` of each being its key: the
queue ID behind the prefix of its server.

``first_domain`` and ``first_cause`` mark the recipients that bring a domain or cause their message did
not have yet, so that messages can be counted by them without sorting out doubles.
"""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache

from mtatui.queue import regex
from mtatui.queue.message import State

#: How states are stored, and the order they sort in.
STATES = tuple(State)
CODES = {state: code for code, state in enumerate(STATES)}
#: The number of the server that has no name; those with one count from 1.
LONE = 0

_TABLES = """
PRAGMA page_size = 16384; -- a tenth less time for rows by the hundred thousand
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA secure_delete = OFF;
PRAGMA temp_store = MEMORY;
CREATE TABLE server (key INTEGER PRIMARY KEY, name TEXT, prefix TEXT);
CREATE TABLE tag (server INTEGER, text TEXT);
CREATE TABLE domain (key INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE cause (key INTEGER PRIMARY KEY, label TEXT, status TEXT);
CREATE TABLE origin (key INTEGER PRIMARY KEY, ip TEXT, host TEXT, helo TEXT, user TEXT, filter TEXT);
CREATE TABLE message (
    n INTEGER PRIMARY KEY,
    server INTEGER, state INTEGER, arrival INTEGER, size INTEGER, mtime INTEGER,
    cause INTEGER, domain INTEGER, sender_domain INTEGER, origin INTEGER,
    id TEXT, sender TEXT, address TEXT, reason TEXT,
    waiting INTEGER DEFAULT 1, served INTEGER DEFAULT 0, place INTEGER DEFAULT 0,
    done INTEGER DEFAULT 0, original TEXT DEFAULT ''
);
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_arrival ON message (arrival, state, server); -- the order of everything, and of some
CREATE TABLE other (
    message INTEGER, place INTEGER, cause INTEGER, domain INTEGER, done INTEGER,
    first_cause INTEGER, first_domain INTEGER, address TEXT, reason TEXT, original TEXT,
    PRIMARY KEY (message, place)
) WITHOUT ROWID;
"""
#: Where the keys of each side table are used.
REFERENCES = {
    "domain": (("message", "domain"), ("message", "sender_domain"), ("other", "domain")),
    "cause": (("message", "cause"), ("other", "cause")),
    "origin": (("message", "origin"),),
}


def connect() -> sqlite3.Connection:
    """An empty index in memory. Its user sees to it that threads take turns (`mtatui.queue.gate`)."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_TABLES)
    connection.create_function("found", 2, regex.found, deterministic=True)
    connection.create_function("spelt", 2, _spelt, deterministic=True)
    return connection


@lru_cache(maxsize=64)
def _spelling(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _spelt(pattern: str, text: str) -> bool:
    """What LIKE is for ASCII, for every letter."""
    return _spelling(pattern).match(text) is not None

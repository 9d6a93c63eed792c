"""Stands in for postqueue(1) on the demo's queue, and for showq(8) and flush(8) behind it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from mtatui.backends.demo.command import EX_OK, EX_UNAVAILABLE, ID, Fatal, options_of
from mtatui.backends.demo.configuration import spool_of
from mtatui.backends.demo.spool import EXPIRE, READY, Spool, printable
from mtatui.backends.postfix.spool.record import Damaged, read_row

#: showq(8) lists them in this order.
_LISTED = ("maildrop", "active", "incoming", "deferred", "hold")

_USAGE = "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"


def run(arguments: list[str]) -> int:
    """postqueue(1): -j, -p, -f, -i ID, -s site (every domain is in fast_flush_domains here)."""
    options, _ = options_of("postqueue", arguments, "c:fi:jps:v", _USAGE, EX_UNAVAILABLE)
    spool = spool_of(options)
    for letter, value in options:
        match letter:
            case "-j":
                for row, expired in _rows(spool):
                    print(_json(row, expired))
            case "-p":
                _mailq(spool)
            case "-f":
                _flush(spool, lambda id, path, value: True, value)
            case "-i":
                if not ID.fullmatch(value):
                    raise Fatal(f'Cannot flush queue ID - invalid name: "{value}"', EX_UNAVAILABLE)
                _flush(spool, lambda id, path, value: id == value, value)
            case "-s":
                _flush(spool, _is_for, value)
            case _:
                continue
        return EX_OK
    raise Fatal(_USAGE, EX_UNAVAILABLE)


def _flush(spool: Spool, wanted: Callable[[str, str, str], bool], value: str) -> None:
    """Let deferred messages be tried now."""
    with spool.locked():
        for id, path in spool.ids("deferred"):
            if wanted(id, path, value):
                os.utime(path)
    spool.wake()


def _is_for(id: str, path: str, site: str) -> bool:
    return any(address.lower().endswith(f"@{site.lower()}") for address, *_ in _row(path, id, "deferred")[-1])


def _row(path: str, id: str, state: str, logs: tuple[str, ...] = ()) -> list[Any]:
    try:
        return read_row(path, id, state, logs=logs)
    except Damaged as damage:
        return damage.row


def _rows(spool: Spool) -> Iterator[tuple[list[Any], bool]]:
    """Each message that showq(8) would list, and whether it was made to expire."""
    for queue in _LISTED:
        for id, path in spool.ids(queue):
            try:
                mode = os.stat(path).st_mode
                row = _row(path, id, queue, (spool.place("defer", id),))
            except FileNotFoundError:
                continue
            if mode & READY == READY:
                yield row, bool(mode & EXPIRE)


def _waiting(row: list[Any]) -> list[tuple[str, str]]:
    """Address and reason of the recipients that are still to be served."""
    return [(printable(to[0]), printable(to[1])) for to in row[-1] if not to[3]]


def _json(row: list[Any], expired: bool) -> str:
    id, state, arrival, size, _, sender, *_ = row
    message = {
        "queue_name": state,
        "queue_id": id,
        "arrival_time": arrival,
        "message_size": size,
        "forced_expire": expired,
        "sender": printable(sender) or "MAILER-DAEMON",
        "recipients": [
            {"address": address, "delay_reason": reason} if reason else {"address": address}
            for address, reason in _waiting(row)
        ],
    }
    return json.dumps(message, ensure_ascii=False)


def _mailq(spool: Spool) -> None:
    """The list as people know it from mailq(1), with short IDs."""
    total = count = 0
    for row, expired in _rows(spool):
        id, state, arrival, size, _, sender, *_ = row
        if not count:
            print("-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------")
        mark = {"active": "*", "hold": "!"}.get(state, "") + "#" * expired
        date = time.strftime("%a %b %e %H:%M:%S", time.localtime(arrival))
        print(f"{id + mark:<11} {size:>7} {date:<20} {printable(sender) or 'MAILER-DAEMON'}")
        said = ""
        for address, reason in _waiting(row):
            if reason and reason != said:
                print(f"{f'({reason})':>78}")
            said = reason
            print(f"{'':41}{address}")
        print()
        total, count = total + size, count + 1
    if count:
        print(f"-- {total // 1024} Kbytes in {count} Request{'' if count == 1 else 's'}.")
    else:
        print("Mail queue is empty")

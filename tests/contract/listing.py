"""The same message twice: as ``postqueue -j`` lists it and as a row of the reader, brought to one form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mtatui.queue.message import Message, Row, State

#: Text of the reader ends after so many bytes.
CUT = 2048


def of_postqueue(output: bytes) -> dict[str, dict[str, Any]]:
    """What ``postqueue -j`` printed, by queue ID. Only \\n ends a line: U+2028 and the like are data."""
    listed: dict[str, dict[str, Any]] = {}
    for line in filter(None, output.split(b"\n")):
        entry = json.loads(line.decode("utf-8", "surrogateescape"))
        # A message that moves while it lists the queue may come twice.
        listed[entry["queue_id"]] = {
            "state": entry["queue_name"],
            "arrival": entry["arrival_time"],
            "size": entry["message_size"],
            "sender": entry["sender"][:CUT],
            "recipients": _once((r["address"][:CUT], r.get("delay_reason", "")) for r in entry["recipients"]),
        }
    return listed


def of_rows(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """The same from rows: what ``postqueue -j`` does not list is left out."""
    listed = {}
    for message in map(Message.from_row, rows):
        if message.state in (State.CORRUPT, State.TRASH):
            continue
        # It gives no reasons for what is being delivered right now.
        reasons = message.state is not State.ACTIVE
        listed[message.id] = {
            "state": message.state.value,
            "arrival": message.arrival,
            "size": message.size,
            "sender": _printable(message.sender) or "MAILER-DAEMON",
            "recipients": _once(
                (_printable(r.address), _printable(r.reason) if reasons else "")
                for r in message.recipients
                if not r.done
            ),
        }
    return listed


def _once(recipients: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Recipients in order. Where an address has a control character, logs have it without its quotes, so that
    postqueue knows it not and lists it twice: with the reason, and as in the queue file, without."""
    said = [(to.replace('"', "") if "?" in to else to, reason) for to, reason in recipients]
    known = {to for to, reason in said if reason and "?" in to}
    return sorted((to, reason) for to, reason in said if reason or to not in known)


def _printable(text: str) -> str:
    """As Postfix prints text of strangers (``printable.c``): ASCII controls and what is no UTF-8 as ``?``."""
    return "".join(
        "?" if char < " " or char == "\x7f" or "\udc80" <= char <= "\udcff" else char for char in text
    )

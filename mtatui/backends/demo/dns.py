"""Stands in for the DNS: it knows the record of one of the demo's keys, and nothing else.

It answers the questions that `mtatui.backends.resolving` makes, in the form in which its program on a server
does. Sources: RFC 1035, 4.1. Standard library only.
"""

from __future__ import annotations

import base64
import json
import struct
import sys

from mtatui.backends.demo.filters import PUBLIC

_TXT = {"mx2025._domainkey.example.test": f"v=DKIM1; k=rsa; p={PUBLIC}"}
_NXDOMAIN, _ANSWER = 0x8183, 0x8180


def main(arguments: list[str]) -> int:
    """Answer the request on standard input."""
    queries = json.load(sys.stdin)["queries"]
    wires = [_answer(base64.b64decode(query)) for query in queries]
    answers = [{"wire": base64.b64encode(wire).decode("ascii"), "server": "192.0.2.53"} for wire in wires]
    json.dump({"answers": answers}, sys.stdout)
    return 0


def _answer(query: bytes) -> bytes:
    """A reply to a message with one question."""
    at, labels = 12, []
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += length + 1
    question = query[12 : at + 5]
    text = _TXT.get(".".join(labels))
    if text is None:
        return query[:2] + struct.pack("!HHHHH", _NXDOMAIN, 1, 0, 0, 0) + question
    parts = [text[start : start + 255].encode("ascii") for start in range(0, len(text), 255)]
    data = b"".join(bytes([len(part)]) + part for part in parts)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 3600, len(data)) + data
    return query[:2] + struct.pack("!HHHHH", _ANSWER, 1, 1, 0, 0) + question + record

"""Has clamd look at a message: it is sent as a stream, so clamd needs no right to read any file.

Sources: clamd(8) "COMMANDS" (INSTREAM, VERSION), clamd.conf(5) (StreamMaxLength).
"""

import struct

from .talk import Talk, Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator

    Say = Callable[[str], None]

#: Seconds for its version: the main thread of clamd answers that, however busy the others are.
QUICK = 8.0
_CHUNK = 65536


def scan(message: bytes, asked: "Dict[str, Any]", say: "Say") -> "Dict[str, Any]":
    """What clamd says of a message.

    Args:
        asked: ``place`` where clamd listens, ``limit`` (StreamMaxLength, bytes; 0: none), ``patience``.
        say: hears what is being done.

    Returns:
        ``found``, the names of what it found, and its ``version``; or ``trouble`` in words.
    """
    version, who = "", "clamd"
    try:
        version = _text(Talk(asked["place"], min(QUICK, asked["patience"])).converse([b"zVERSION\0"]))
        if asked["limit"] and len(message) > asked["limit"]:
            return {"version": version, "trouble": "too large", "limit": asked["limit"]}
        say("clamd is scanning")
        talk = Talk(asked["place"], asked["patience"])
        who = "clamd, at work on this message,"
        return _understood(version, talk.converse(_stream(message)))
    except Trouble as error:
        return {"version": version, "trouble": "%s %s" % (who, error)}


def _stream(message: bytes) -> "Iterator[bytes]":
    yield b"zINSTREAM\0"
    for start in range(0, len(message), _CHUNK):
        chunk = message[start : start + _CHUNK]
        yield struct.pack("!I", len(chunk)) + chunk
    yield struct.pack("!I", 0)


def _understood(version: str, answer: bytes) -> "Dict[str, Any]":
    """``stream: OK``, ``stream: NAME FOUND``, or ``… ERROR``, one or more of them."""
    found, errors = [], []
    clean = False
    for line in _text(answer).replace("\0", "\n").split("\n"):
        said = line.partition(": ")[2] if line.startswith("stream: ") else line
        if said.endswith(" FOUND"):
            found.append(said[: -len(" FOUND")])
        elif said == "OK":
            clean = True
        elif said:
            errors.append(said)
    if found or (clean and not errors):
        return {"version": version, "found": found}
    return {"version": version, "trouble": "clamd says: %s" % ("; ".join(errors) or "nothing")}


def _text(data: bytes) -> str:
    return data.strip(b"\0\r\n ").decode("utf-8", "replace")[:2000]

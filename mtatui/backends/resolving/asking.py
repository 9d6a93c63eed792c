"""Carries DNS messages from this machine to the name servers of its resolv.conf(5), and their answers back.

Started by its path on the server (``python3 -I -S …/asking.py``): what counts is what *its* resolver says.
Who asks has made the messages and reads the answers; all that is looked at here is whether an answer
belongs to its question (RFC 5452, 9.1) and is whole. Standard library only, Python 3.6; no root needed.

One JSON object comes in: ``queries`` (messages in base64), ``patience`` (seconds for all), ``servers``
(pairs of address and port; none: those of resolv.conf). One goes out: ``answers``, for each query
``{"wire": …, "server": …}`` or ``{"trouble": …}``.
"""

import base64
import json
import os
import select
import socket
import struct
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

RESOLV_CONF = "/etc/resolv.conf"
#: Seconds for one try at one name server by UDP, and how often all of them are tried.
TRY, ROUNDS = 2.5, 2
#: resolv.conf(5), MAXNS.
MOST = 3
#: Answers after which another name server may know better (RFC 1035, 4.1.1): SERVFAIL, NOTIMP, REFUSED.
ELSEWHERE = (2, 4, 5)


def servers(path: str = RESOLV_CONF) -> "List[Tuple[str, int]]":
    """The name servers of this machine; as the resolver does, itself where none is named."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver":
                    found.append((words[1], 53))
    except OSError:
        pass
    return found[:MOST] or [("127.0.0.1", 53)]


def question(wire: bytes) -> bytes:
    """The question of a message (name, type, class), to be compared; b"" for what is none."""
    at = 12
    while at < len(wire) and wire[at]:
        if wire[at] >= 64:
            return b""
        at += wire[at] + 1
    return wire[12 : at + 5].lower()


def belongs(answer: bytes, query: bytes) -> bool:
    """Whether it answers this query."""
    return (
        len(answer) >= 12
        and answer[:2] == query[:2]
        and bool(answer[2] & 0x80)
        # Who cannot read a question need not repeat it.
        and (question(answer) == question(query) or (answer[4:6] == b"\0\0" and answer[3] & 15 != 0))
    )


def ask(query: bytes, known: "List[Tuple[str, int]]", until: float) -> "Dict[str, str]":
    """Carry one message to the name servers, one after the other, until one knows."""
    trouble, answer = "there is no name server that could be asked", {}  # type: str, Dict[str, str]
    for _ in range(ROUNDS):
        for address, port in known:
            left = until - time.monotonic()
            if left <= 0:
                return answer or {"trouble": trouble}
            try:
                found = _udp(query, address, port, min(TRY, left))
                if found is not None and found[2] & 2:  # truncated
                    found = _tcp(query, address, port, min(2 * TRY, until - time.monotonic()))
            except socket.timeout:
                found = None
            except (OSError, ValueError) as error:
                trouble = "%s: %s" % (address, getattr(error, "strerror", None) or error)
                continue
            if found is None:
                trouble = "%s does not answer" % address
                continue
            answer = {"wire": base64.b64encode(found).decode("ascii"), "server": address}
            if found[3] & 15 not in ELSEWHERE:
                return answer
        if answer:
            return answer  # they do answer; what they say will not change at once
    return {"trouble": trouble}


def _udp(query: bytes, address: str, port: int, patience: float) -> "Optional[bytes]":
    """The answer by UDP, None for silence."""
    family, place = _place(address, port)
    until = time.monotonic() + patience
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(place)  # only what comes from there is heard
        sock.send(query)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([sock], [], [], left)[0]:
                return None
            answer = sock.recv(65535)
            if belongs(answer, query):
                return answer


def _tcp(query: bytes, address: str, port: int, patience: float) -> "Optional[bytes]":
    """The answer by TCP (RFC 7766), None for one that breaks off."""
    family, place = _place(address, port)
    until = time.monotonic() + patience
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(max(patience, 0.1))
        sock.connect(place)
        sock.sendall(struct.pack("!H", len(query)) + query)
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
            sock.settimeout(max(until - time.monotonic(), 0.01))
            more = sock.recv(65537)
            if not more:
                return None
            data += more
    return data[2:] if belongs(data[2:], query) else None


def _place(address: str, port: int) -> "Tuple[Any, Any]":
    found = socket.getaddrinfo(address, port, 0, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    return found[0][0], found[0][4]


def main() -> None:
    """Answer the request on standard input: all questions side by side."""
    request = json.load(sys.stdin)
    known = [(address, port) for address, port in request["servers"]] or servers()
    queries = [base64.b64decode(query) for query in request["queries"]]
    silent = "%s does not answer" % known[0][0]
    answers = [{"trouble": silent} for _ in queries]
    until = time.monotonic() + request["patience"]

    def put(at: int) -> None:
        answers[at] = ask(queries[at], known, until)

    threads = [threading.Thread(target=put, args=(at,), daemon=True) for at in range(len(queries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    sys.stdout.write(json.dumps({"answers": answers}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # not waiting for threads that still hang somewhere


if __name__ == "__main__":
    main()

"""The demo's filters, as they answer: amavis greets, clamd knows two viruses, OpenDKIM negotiates.

In threads of the demo's daemon (see `mtatui.backends.demo.life`). Each says as much as it is asked by who
looks whether it is well, and clamd scans what it is given. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable

from mtatui.backends.demo.filters import DAILY

ENGINE = "1.4.3"
#: Seconds that a client may keep silent.
PATIENCE = 60.0
#: What clamd finds, by what it looks for; the second stands in the letters of the hacked account.
VIRUSES = {
    rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR": "Win.Test.EICAR_HDB-1",
    b"Invoice_": "Ours.Invoice.2025-1.UNOFFICIAL",
}


def clamd(path: str) -> socket.socket:
    """A socket for clamd."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(16)
    return listening


def serve(sockets: dict[str, socket.socket]) -> None:
    """Begin to answer, each in its own way, as long as the program lives."""
    for name, listening in sockets.items():
        threading.Thread(target=_accept, args=(listening, _TALKS[name]), daemon=True).start()


def _accept(listening: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    while True:
        client, _ = listening.accept()
        threading.Thread(target=_alone, args=(client, talk), daemon=True).start()


def _alone(client: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError, struct.error), client:
        client.settimeout(PATIENCE)
        talk(client)


def _amavis(client: socket.socket) -> None:
    client.sendall(b"220 [127.0.0.1] ESMTP amavisd-new service ready\r\n")
    while client.recv(512):
        client.sendall(b"221 2.0.0 [127.0.0.1] amavisd-new closing transmission channel\r\n")


def _opendkim(client: socket.socket) -> None:
    (length,) = struct.unpack("!I", _exactly(client, 4))
    asked = _exactly(client, length)
    client.sendall(struct.pack("!I", len(asked)) + asked)  # SMFIC_OPTNEG: it takes what is offered
    client.recv(512)


def _clamd(client: socket.socket) -> None:
    command = b""
    while not command.endswith(b"\0"):
        more = client.recv(1)
        if not more:
            return
        command += more
    word = command.strip(b"\0z").decode("ascii", "replace")
    if word == "INSTREAM":
        answer = _scanned(client)
    else:
        answer = {
            "PING": "PONG",
            "VERSION": f"ClamAV {ENGINE}/{DAILY}/Sat Nov 21 08:26:33 2026",
            "RELOAD": "RELOADING",
        }.get(word, "UNKNOWN COMMAND")
    client.sendall(answer.encode("ascii") + b"\0")


def _scanned(client: socket.socket) -> str:
    data = bytearray()
    while length := struct.unpack("!I", _exactly(client, 4))[0]:
        data += _exactly(client, length)
    found = [name for mark, name in VIRUSES.items() if mark in data]
    return f"stream: {found[0]} FOUND" if found else "stream: OK"


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise OSError("hung up")
        data += more
    return data


_TALKS: dict[str, Callable[[socket.socket], None]] = {
    "amavis": _amavis, "opendkim": _opendkim, "clamd": _clamd
}  # fmt: skip

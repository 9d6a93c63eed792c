"""The DNS of a private world: a name server on its loopback network that knows a few names, and no others.

Some addresses have no name, some names lead nowhere or elsewhere, and some are on block lists: what is asked
under ``bl.test`` and its kind answers 127.0.0.2 for who is listed there.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path

from tests.stack.loopback import Loopback

#: The host number of the name server.
HOST = 15
#: Clients on the loopback network. Good: name and address agree. Nameless: no reverse name. Elsewhere: its
#: reverse name leads to another address. Listed: on the address list. Named: its proven name is listed.
#: Unproven: its reverse name is listed, and leads nowhere. Trusted: in mynetworks, where a test says so.
GOOD, NAMELESS, ELSEWHERE, LISTED, NAMED, UNPROVEN, TRUSTED = 20, 21, 22, 23, 24, 25, 30

_A, _PTR = 1, 12


class Names:
    """A name server, answering between `start` and `stop`."""

    def __init__(self, loopback: Loopback) -> None:
        self.loopback = loopback
        number = loopback.number
        reverse = f"{number}.77.127.in-addr.arpa"
        a = dict.fromkeys(
            ("client.test", "sender.test", "here.test", "ok.test", "full.test", "spam.test", "bare",
             "shorthost", "mail.stack.test"),
            loopback.address(10),
        )  # fmt: skip
        a |= {
            "good.test": loopback.address(GOOD),
            "elsewhere.test": loopback.address(99),
            "listed.test": loopback.address(LISTED),
            "named.test": loopback.address(NAMED),
            "trusted.test": loopback.address(TRUSTED),
            f"{LISTED}.{number}.77.127.bl.test": "127.0.0.2",
            f"{LISTED}.{number}.77.127.other.test": "127.0.0.9",
            "named.test.rc.test": "127.0.0.2",
            "unproven.test.rr.test": "127.0.0.2",
            "spam.test.rs.test": "127.0.0.2",
            **{f"2.0.0.127.{zone}.test": "127.0.0.2" for zone in ("bl", "rc", "rr", "rs")},
            # A list that answers for everybody, and one that refuses our resolver.
            **dict.fromkeys(("2.0.0.127.all.test", "1.0.0.127.all.test"), "127.0.0.2"),
            "2.0.0.127.refusing.test": "127.255.255.254",
        }
        self.addresses = a
        self.pointers = {
            f"{host}.{reverse}": f"{name}.test"
            for host, name in (
                (GOOD, "good"), (ELSEWHERE, "elsewhere"), (LISTED, "listed"), (NAMED, "named"),
                (UNPROVEN, "unproven"), (TRUSTED, "trusted"),
            )
        }  # fmt: skip
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._socket.bind((self.loopback.address(HOST), 53))
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def resolv_conf(self, directory: Path) -> Path:
        """The file that leads a resolver here."""
        path = directory / "resolv.conf"
        path.write_text(f"nameserver {self.loopback.address(HOST)}\noptions timeout:2 attempts:2\n")
        return path

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                question, client = self._socket.recvfrom(4096)
                if not question:
                    return
                self._socket.sendto(self._answer(question), client)

    def _answer(self, message: bytes) -> bytes:
        """The answer to one question (RFC 1035)."""
        labels, at = [], 12
        while length := message[at]:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
        name = ".".join(labels).lower()
        (kind,) = struct.unpack("!H", message[at + 1 : at + 3])
        question = message[12 : at + 5]
        self.asked.append(name)
        data = b""
        if kind == _A and name in self.addresses:
            data = socket.inet_aton(self.addresses[name])
        elif kind == _PTR and name in self.pointers:
            data = _encoded(self.pointers[name])
        known = name in self.addresses or name in self.pointers
        header = message[:2] + struct.pack("!HHHHH", 0x8580 | (0 if known else 3), 1, 1 if data else 0, 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data if data else b""
        return header + question + record


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

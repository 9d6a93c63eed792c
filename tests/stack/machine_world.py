"""The world around a private machine: its DNS, a mirror of signatures, and everybody's mailbox.

All of them are threads of the test's own process, so that a test changes them by changing an object; only
their sockets are on the machine's network.
"""

from __future__ import annotations

import contextlib
import ctypes
import email
import os
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

#: Where they listen, on the machine. Not all on its loopback: libunbound asks nobody there.
NAMES, MIRROR, MAILBOXES = ("192.0.2.53", 53), ("127.0.0.1", 8053), ("127.0.0.1", 2500)

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Have this thread open its sockets on the network of another process (setns(2))."""
    with open("/proc/thread-self/ns/net") as own, open(f"/proc/{pid}/ns/net") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Names:
    """A name server. Whom it does not know does not exist; `records` may change at any time."""

    def __init__(self) -> None:
        #: By name and type: the texts, as a zone file has them (a TXT record with its quotes).
        self.records: dict[tuple[str, str], list[str]] = {}
        #: Every question, in order.
        self.asked: list[tuple[str, str]] = []
        #: Questions get no answer at all.
        self.silent = False
        for name in ("example.test", "mail.example.test", "sender.test", "client.test", "elsewhere.test"):
            self.records[name, "A"] = ["192.0.2.1" if "example" in name else "192.0.2.20"]
            self.records[name, "MX"] = [f"10 {name}."]
        self.records["20.2.0.192.in-addr.arpa", "PTR"] = ["client.test."]
        self._servers: list[socketserver.BaseServer] = []

    def publish(self, name: str, text: str) -> None:
        """Have a name bear a TXT record, cut into strings of 255 bytes (RFC 1035, 3.3.14)."""
        pieces = [text[at : at + 255] for at in range(0, len(text), 255)]
        self.records[name, "TXT"] = [" ".join(f'"{_escaped(piece)}"' for piece in pieces)]

    def start(self) -> None:
        """Begin to answer, on the network of this thread."""
        answer = self._answer

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                if reply := answer(self.request[0], 1232):
                    self.request[1].sendto(reply, self.client_address)

        class Stream(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while len(length := self.rfile.read(2)) == 2:
                    reply = answer(self.rfile.read(int.from_bytes(length, "big")), 65535)
                    self.wfile.write(len(reply).to_bytes(2, "big") + reply)

        self._servers = [_Udp(NAMES, Datagram), _Tcp(NAMES, Stream)]
        _serve(*self._servers)

    def stop(self) -> None:
        """Answer no more."""
        _stop(*self._servers)

    def _answer(self, wire: bytes, largest: int) -> bytes:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = (
            question.name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(question.rdtype),
        )
        self.asked.append((name, kind))
        if self.silent:
            return b""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA | dns.flags.AA
        if texts := self.records.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if query.edns < 0:
            largest = min(largest, 512) if largest < 65535 else largest
        try:
            return response.to_wire(max_size=largest)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire(max_size=largest)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Mirror:
    """A mirror of signatures, over HTTP; it answers as it is told to, which may change at any time."""

    def __init__(self) -> None:
        self.url = f"http://{MIRROR[0]}:{MIRROR[1]}"
        #: What it has, by name (``custom.ndb``).
        self.files: dict[str, bytes] = {}
        #: ``""``: it serves its files. A number as text (``403``, ``429`` …): that status. ``html``: a page,
        #: with 200. ``nothing``: an empty body. ``half``: it breaks off. ``silent``: it never answers.
        self.manner = ""
        #: Every request, in order: path and the client's name for itself.
        self.requests: list[tuple[str, str]] = []
        self._server: _Http | None = None

    def start(self) -> None:
        """Begin to answer, on the network of this thread."""
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append((self.path, self.headers.get("User-Agent", "")))
                mirror._answer(self)

            do_HEAD = do_GET  # noqa: N815  # the name is http.server's

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Http(MIRROR, Handler)
        _serve(self._server)

    def stop(self) -> None:
        """Answer no more."""
        self.manner = "403"  # whoever is kept waiting is let go
        if self._server:
            _stop(self._server)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        while self.manner == "silent":
            time.sleep(0.05)
        data, status, kind = self.files.get(handler.path.lstrip("/")), 200, "application/octet-stream"
        if self.manner.isdigit():
            data, status, kind = b"No.\n", int(self.manner), "text/plain"
        elif self.manner == "html":
            data, kind = (
                b"<!DOCTYPE html><html><body>Please log in to use this network.</body></html>",
                "text/html",
            )
        elif self.manner == "nothing":
            data = b""
        elif data is None:
            data, status, kind = b"Not here.\n", 404, "text/plain"
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        # Newer at each request: of two within a second freshclam would fetch only the first.
        handler.send_header("Last-Modified", handler.date_time_string(time.time() + len(self.requests)))
        if status == 429:
            handler.send_header("Retry-After", "3600")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(data[: len(data) // 2] if self.manner == "half" else data)


@dataclass(frozen=True)
class Letter:
    """What arrived in a mailbox."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes = field(repr=False)

    @property
    def message(self) -> Message:
        """The message, read."""
        return email.message_from_bytes(self.data)

    def __getitem__(self, header: str) -> str:
        """A header, unfolded; "" where there is none."""
        return " ".join(str(self.message.get(header, "")).split())


class Mailboxes:
    """Takes all mail that leaves the machine's Postfix, for whomever."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self._server: _Tcp | None = None

    def start(self) -> None:
        """Begin to take mail, on the network of this thread."""
        letters = self.letters

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    _take(self.rfile.readline, self.wfile.write, letters)

        self._server = _Tcp(MAILBOXES, Handler)
        _serve(self._server)

    def stop(self) -> None:
        """Take no more."""
        if self._server:
            _stop(self._server)


def _take(readline: Callable[[], bytes], write: Callable[[bytes], Any], letters: list[Letter]) -> None:
    """One session of SMTP, in which everything is taken."""
    write(b"220 mailboxes.test ESMTP\r\n")
    sender, recipients = "", list[str]()
    while line := readline():
        verb, _, rest = line.decode("utf-8", "surrogateescape").strip().partition(" ")
        address = rest.partition("<")[2].partition(">")[0]
        match verb.upper():
            case "EHLO":
                write(b"250-mailboxes.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
                continue
            case "MAIL":
                sender, recipients = address, []
            case "RCPT":
                recipients.append(address)
            case "DATA":
                write(b"354 go on\r\n")
                lines = list(iter(readline, b".\r\n"))
                data = b"".join(one[1:] if one.startswith(b".") else one for one in lines)
                letters.append(Letter(sender, tuple(recipients), data))
            case "QUIT":
                write(b"221 bye\r\n")
                return
        write(b"250 ok\r\n")


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    block_on_close = False


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind, without asking anybody's DNS for our own name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = MIRROR


def _serve(*servers: socketserver.BaseServer) -> None:
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()


def _stop(*servers: socketserver.BaseServer) -> None:
    for server in servers:
        server.shutdown()
        server.server_close()

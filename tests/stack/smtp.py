"""An SMTP client that sends exactly the bytes it is told: hostile ones, and thousands of recipients."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from typing import BinaryIO


class Refused(Exception):
    """The server said no; the text is its reply."""


def send_message(
    host: str,
    sender: str | bytes,
    recipients: Iterable[str | bytes],
    *,
    content: bytes = b"Subject: test\r\n\r\nHello.\r\n",
    helo: str | bytes = "client.test",
    xclient: Mapping[str, str] | None = None,
    utf8: bool = False,
    source: str = "127.0.0.1",
) -> str:
    """Send one message and give its queue ID.

    Args:
        content: header and body with CRLF line ends; not yet dot-stuffed.
        xclient: what to claim by XCLIENT: ``NAME``, ``ADDR``, ``HELO``, ``LOGIN`` (the SASL user).
        utf8: ask for SMTPUTF8.
        source: the address to connect from.

    Raises:
        Refused: some reply was not a yes.
    """
    with socket.create_connection((host, 25), timeout=30, source_address=(source, 0)) as connection:
        replies = connection.makefile("rb")
        _expect(replies, b"2")

        def command(line: bytes, expected: bytes = b"2") -> bytes:
            connection.sendall(line + b"\r\n")
            return _expect(replies, expected)

        command(b"EHLO " + _bytes(helo))
        if xclient:
            attributes = " ".join(f"{name}={value}" for name, value in xclient.items())
            command(b"XCLIENT " + attributes.encode())
            if "HELO" not in xclient:
                command(b"EHLO " + _bytes(helo))
        command(b"MAIL FROM:<" + _bytes(sender) + b">" + (b" SMTPUTF8" if utf8 else b""))
        for recipient in recipients:
            command(b"RCPT TO:<" + _bytes(recipient) + b">")
        command(b"DATA", b"3")
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        reply = command(stuffed + b".")
        connection.sendall(b"QUIT\r\n")
    found = re.search(rb"queued as ([A-Za-z0-9]+)", reply)
    assert found, reply
    return found[1].decode()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _expect(replies: BinaryIO, first: bytes) -> bytes:
    """Read one reply, which must begin with this digit."""
    line = b""
    while line := replies.readline():
        if line[3:4] != b"-":
            break
    if not line.startswith(first):
        raise Refused(line.decode("utf-8", "backslashreplace").strip() or "the connection was closed")
    return line

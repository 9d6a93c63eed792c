"""Sends one message as any client would, and keeps what the listener said (RFC 5321, RFC 3207)."""

import contextlib
import re
import socket
import ssl
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

#: Seconds that a listener has for each reply; a filter before the queue looks at the message meanwhile.
PATIENCE = 30.0

_QUEUED = re.compile(r"queued as ([A-Za-z0-9]{5,})")


class Unreachable(Exception):
    """The listener cannot be talked to: in words."""


def send(request: "Dict[str, Any]", data: bytes) -> "Dict[str, Any]":
    """Send a message.

    Args:
        request: ``listener`` (``address``, ``port``, ``tls``), ``sender``, ``recipient``.
        data: the message, lines ended by CR LF.

    Returns:
        ``stage``: the command after which it ended; ``code`` and ``text``: the reply to that; ``queue_id``:
        as whom it was taken, "" where nobody said.

    Raises:
        Unreachable: nobody listens, or what answers is not SMTP.
    """
    session = None
    try:
        session = _Session(request["listener"])
        return session.deliver(request["sender"], request["recipient"], data)
    except socket.timeout:
        raise Unreachable("no answer within %g s" % PATIENCE) from None
    except (OSError, ValueError) as error:
        raise Unreachable(getattr(error, "strerror", None) or str(error)) from None
    finally:
        if session is not None:
            session.socket.close()


class _Session:
    def __init__(self, listener: "Dict[str, Any]") -> None:
        self.socket = socket.create_connection((listener["address"], int(listener["port"])), timeout=PATIENCE)  # type: socket.socket
        self._said = b""
        if listener.get("tls"):
            self._wrap()

    def deliver(self, sender: str, recipient: str, data: bytes) -> "Dict[str, Any]":
        """The whole conversation; whatever is refused ends it."""
        source = self.socket.getsockname()[0]
        hello = "EHLO [%s%s]" % ("IPv6:" if ":" in source else "", source)
        code, text = self._reply()
        if code != 220:
            return _ended("greeting", code, text)
        code, text = self._ask(hello)
        if "STARTTLS" in text.upper() and self._ask("STARTTLS")[0] == 220:
            self._wrap()
            code, text = self._ask(hello)
        if code != 250:
            return _ended("EHLO", code, text)
        for stage, line, wanted in (
            ("MAIL FROM", "MAIL FROM:<%s>" % sender, 250),
            ("RCPT TO", "RCPT TO:<%s>" % recipient, 250),
            ("DATA", "DATA", 354),
        ):
            code, text = self._ask(line)
            if code != wanted:
                return _ended(stage, code, text)
        self.socket.sendall(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
        code, text = self._reply()
        with contextlib.suppress(OSError):
            self.socket.sendall(b"QUIT\r\n")
        return _ended("end of data", code, text)

    def _ask(self, line: str) -> "tuple[int, str]":
        self.socket.sendall(line.encode("utf-8") + b"\r\n")
        return self._reply()

    def _reply(self) -> "tuple[int, str]":
        until = time.monotonic() + PATIENCE
        lines = []
        while True:
            line, newline, rest = self._said.partition(b"\n")
            if newline:
                self._said = rest
                lines.append(line.strip().decode("utf-8", "replace"))
                if line[3:4] != b"-":
                    break
                continue
            left = until - time.monotonic()
            if left <= 0:
                raise socket.timeout
            self.socket.settimeout(left)
            more = self.socket.recv(4096)
            if not more:
                raise Unreachable("it closed the connection")
            self._said += more
            if len(self._said) > 65536:
                raise Unreachable("it does not speak SMTP")
        if not lines[-1][:3].isdigit():
            raise Unreachable("it does not speak SMTP: %s" % lines[-1][:100])
        return int(lines[-1][:3]), " ".join(line[4:] for line in lines)

    def _wrap(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # what becomes of the message counts, not who takes it
        self.socket = context.wrap_socket(self.socket)


def _ended(stage: str, code: int, text: str) -> "Dict[str, Any]":
    taken = _QUEUED.findall(text) if 200 <= code < 300 else []
    return {"stage": stage, "code": code, "text": text[:400], "queue_id": taken[-1] if taken else ""}

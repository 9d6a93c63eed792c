"""Asks a server, as its clients do, whether it is well: a small SMTP session with each of its listeners.

What smtpd(8) answers when its configuration is broken: nothing at all (it died, and master throttles it), 421
4.3.x, or 451 4.3.x to the first command that needs what is broken. Any other refusal is policy, and well; so
is 421 4.7.x, by which it keeps clients away that come too often.
"""

import contextlib
import re
import socket
import ssl
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    Probe = Dict[str, Any]

#: Seconds for one session; postscreen(8) lets strangers wait six for its greeting.
PATIENCE = 12.0
#: Sessions that must go well, one after the other: an old smtpd may serve one more client after a reload.
ROUNDS = 2
#: Seconds between two sessions, and until an unwell listener is taken for unwell.
PAUSE = 0.15
TROUBLE = 3.0
#: Seconds between looks at how the sessions stand.
TICK = 0.02

#: Replies that mean that it takes no mail; 452 4.3.1 is said where message_size_limit is more than fits.
_BROKEN = re.compile(rb"421(?![ -]4\.7\.)|451[ -]4\.3\.|452[ -]4\.3\.1")


class Unwell(Exception):
    """It does not answer as it should: in words."""


def ask_all(
    probes: "List[Probe]", rounds: int, trouble: float, worse: "Callable[[], bool]" = lambda: False
) -> "List[Tuple[str, str]]":
    """Those with which something is wrong, and what; all are asked at once.

    Args:
        rounds: sessions that must go well, one after the other.
        trouble: seconds during which those that do not answer are asked again.
        worse: nothing need be waited for any more; looked at from time to time.
    """
    answers = {}  # what is wrong with each, by number, once that is known
    over = threading.Event()

    def ask_one(number: int) -> None:
        answers[number] = _ask(probes[number], rounds, trouble, over)

    # They may sit in a session that nobody answers: they are not waited for where that is known.
    threads = [threading.Thread(target=ask_one, args=(n,), daemon=True) for n in range(len(probes))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not over.wait(TICK):
        if worse():
            over.set()
    known = dict(answers)
    wrong = [(called(one), known.get(number, "")) for number, one in enumerate(probes)]
    return [(name, text) for name, text in wrong if text]


def called(probe: "Probe") -> str:
    """The probe in words."""
    host = "[%s]" % probe["address"] if ":" in probe["address"] else probe["address"]
    return "%s:%s (%s)" % (host, probe["port"], probe["name"])


def _ask(probe: "Probe", rounds: int, trouble: float, over: "threading.Event") -> str:
    """Ask until so many sessions in a row went well; what is wrong if they do not in time."""
    until = time.monotonic() + trouble
    well = 0
    while True:
        try:
            session(probe)
            well += 1
            if well >= rounds:
                return ""
        except (OSError, Unwell, ValueError) as error:
            well = 0
            if time.monotonic() > until or over.is_set():
                return said(error)
        over.wait(PAUSE)


def session(probe: "Probe", patience: float = PATIENCE) -> None:
    """One session.

    Raises:
        Unwell, OSError: it did not go well.
    """
    until = time.monotonic() + patience
    with contextlib.ExitStack() as stack:
        connection = socket.create_connection((probe["address"], int(probe["port"])), timeout=patience)
        stack.callback(connection.close)
        if probe.get("tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # whether it answers, not who it is
            connection = context.wrap_socket(connection)
            stack.callback(connection.close)
        said = bytearray()

        def ask(line: bytes) -> bytes:
            connection.settimeout(max(0.1, until - time.monotonic()))
            if line:
                connection.sendall(line + b"\r\n")
            reply = _reply(connection, said, until)
            if _BROKEN.match(reply):
                raise Unwell("says to %s: %s" % (_said(line), _text(reply)))
            return reply

        greeting = ask(b"")
        if greeting.startswith(b"421"):
            return
        if not greeting.startswith(b"220"):
            raise Unwell("greets with: " + _text(greeting))
        source = connection.getsockname()[0]
        hello = ask(b"EHLO [" + (b"IPv6:" if ":" in source else b"") + source.encode("ascii") + b"]")
        if not hello.startswith(b"250"):
            raise Unwell("says to EHLO: " + _text(hello))
        address = probe["address"].encode("ascii")
        postmaster = b"<postmaster@[" + (b"IPv6:" if b":" in address else b"") + address + b"]>"
        for sender in (b"<>", postmaster):  # some checks look only at a sender that is one
            if ask(b"MAIL FROM:" + sender).startswith(b"2"):
                ask(b"RCPT TO:" + postmaster)
                ask(b"RSET")
        with contextlib.suppress(OSError):
            connection.sendall(b"QUIT\r\n")


def _reply(connection: "socket.socket", said: bytearray, until: float) -> bytes:
    """The last line of the next reply."""
    while True:
        line, newline, rest = bytes(said).partition(b"\n")
        if newline:
            said[:] = rest
            if line[3:4] != b"-":
                return line.rstrip(b"\r")
            continue
        left = until - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        connection.settimeout(left)
        data = connection.recv(4096)
        if not data:
            raise Unwell("closed the connection" + (" after: " + _text(bytes(said)) if said else ""))
        said += data
        if len(said) > 65536:
            raise Unwell("does not speak SMTP")


def _said(line: bytes) -> str:
    return line.decode("ascii") or "a new client"


def _text(reply: bytes) -> str:
    return reply.decode("utf-8", "replace").strip()[:300]


def said(error: Exception) -> str:
    """What did not go well with a session, in words."""
    if isinstance(error, socket.timeout):
        return "does not answer"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)

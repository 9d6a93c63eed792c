"""Asks a service for a sign of life, each in its own protocol, and says in words why none came.

Nothing is changed by an ask, and no mail is sent. Sources: clamd(8) "COMMANDS"; spamd's PROTOCOL file; the
milter protocol as sendmail's libmilter/mfdef.h has it; Postfix's SMTPD_POLICY_README; Dovecot's auth
protocol, version 1; RFC 5321 and 4954.
"""

import errno
import os
import socket
import ssl
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    Place = Dict[str, Any]

SILENT = "no answer within %g s"
#: Bytes of an answer that are looked at.
LONGEST = 65536


class Odd(Exception):
    """It answers, and not as it should: in words."""


class Talk:
    """A connection with an end in time."""

    def __init__(self, place: "Place", patience: float) -> None:
        """Raises OSError where nobody can be reached."""
        self.until = time.monotonic() + patience
        self.data = b""
        self.socket = _connected(place, patience)

    def say(self, data: bytes) -> None:
        """Send it all."""
        self._hurry()
        self.socket.sendall(data)

    def hear(self, enough: "Callable[[bytes], bool]") -> bytes:
        """What comes, until it is enough."""
        while not enough(self.data):
            self._hurry()
            more = self.socket.recv(4096)
            if not more:
                raise Odd("hung up after " + _shown(self.data) if self.data else "hung up at once")
            self.data += more
            if len(self.data) > LONGEST:
                raise Odd("does not stop talking: " + _shown(self.data))
        heard, self.data = self.data, b""
        return heard

    def reply(self) -> bytes:
        """A whole reply of SMTP."""
        return self.hear(_is_reply)

    def wrap(self) -> None:
        """Speak TLS from here on. Whether it answers counts, not who it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._hurry()
        self.socket = context.wrap_socket(self.socket)

    def _hurry(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise socket.timeout
        self.socket.settimeout(left)


def ask(one: "Dict[str, Any]", patience: float) -> "Dict[str, Any]":
    """Whether it answers (``ok``), and what it said or what is wrong (``text``)."""
    try:
        talk = Talk(one["place"], patience)
        try:
            return {"ok": True, "text": ASKS[one["protocol"]](talk, one)}
        finally:
            talk.socket.close()
    except Odd as error:
        return {"ok": False, "text": str(error)}
    except socket.timeout:
        return {"ok": False, "text": SILENT % patience}
    except (OSError, UnicodeError, ValueError) as error:
        return {"ok": False, "text": _words(error)}


def _clamd(talk: Talk, one: "Dict[str, Any]") -> str:
    talk.say(b"zPING\0")
    return _expect(talk.hear(lambda data: b"\0" in data), b"PONG\0")


def _clamd_version(talk: Talk, one: "Dict[str, Any]") -> str:
    talk.say(b"zVERSION\0")
    return _shown(talk.hear(lambda data: b"\0" in data).rstrip(b"\0"))


def _spamd(talk: Talk, one: "Dict[str, Any]") -> str:
    talk.say(b"PING SPAMC/1.2\r\n\r\n")
    said = talk.hear(lambda data: b"\n" in data)
    if not said.startswith(b"SPAMD/") or not said.rstrip().endswith(b"PONG"):
        raise Odd("answers " + _shown(said))
    return "PONG"


def _smtp(talk: Talk, one: "Dict[str, Any]") -> str:
    if one.get("tls"):
        talk.wrap()
    # A first line of several is enough: postscreen(8) keeps the rest back for six seconds.
    said = talk.hear(lambda data: b"\n" in data)
    if not said.startswith(b"220"):
        raise Odd("greets with " + _shown(said))
    talk.say(b"QUIT\r\n")
    return _shown(said)


def _auth(talk: Talk, one: "Dict[str, Any]") -> str:
    if one.get("tls"):
        talk.wrap()
    if not talk.reply().startswith(b"220"):
        raise Odd("does not greet")
    hello = b"EHLO localhost\r\n"
    talk.say(hello)
    said = talk.reply()
    if b"AUTH" not in said and b"STARTTLS" in said:
        talk.say(b"STARTTLS\r\n")
        if talk.reply().startswith(b"220"):
            talk.wrap()
            talk.say(hello)
            said = talk.reply()
    talk.say(b"QUIT\r\n")
    for line in said.split(b"\n"):
        if line[4:9].upper() in (b"AUTH ", b"AUTH="):
            return _shown(line[4:])
    raise Odd("EHLO is answered without AUTH")


def _milter(talk: Talk, one: "Dict[str, Any]") -> str:
    # SMFIC_OPTNEG: version 6, every action and every protocol flag on offer.
    talk.say(struct.pack(">I", 13) + b"O" + struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
    said = talk.hear(lambda data: len(data) >= 5)
    if said[4:5] != b"O":
        raise Odd("does not negotiate: " + _shown(said))
    talk.say(struct.pack(">I", 1) + b"Q")
    return "negotiates"


def _policy(talk: Talk, one: "Dict[str, Any]") -> str:
    # The null sender at the loopback address: what it answers is no matter, and harms nobody.
    talk.say(
        b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
        b"client_address=127.0.0.1\nclient_name=localhost\nreverse_client_name=localhost\n"
        b"helo_name=localhost\nsender=\nrecipient=postmaster@localhost\nrecipient_count=0\n"
        b"queue_id=\ninstance=mtatui.%d.0\nsize=0\n\n" % os.getpid()
    )
    said = talk.hear(lambda data: b"\n\n" in data)
    if not said.startswith(b"action="):
        raise Odd("answers " + _shown(said))
    return _shown(said)


def _dovecot(talk: Talk, one: "Dict[str, Any]") -> str:
    talk.say(b"VERSION\t1\t1\nCPID\t%d\n" % os.getpid())
    said = talk.hear(lambda data: b"\nDONE\n" in data or (b"\n" in data and not data.startswith(b"VERSION")))
    ways = [line.split(b"\t")[1] for line in said.split(b"\n") if line.startswith(b"MECH\t")]
    if not ways:
        raise Odd("offers no way to log in: " + _shown(said))
    return _shown(b"offers " + b" ".join(ways))


def _accepts(talk: Talk, one: "Dict[str, Any]") -> str:
    return "takes connections"


ASKS = {
    "smtp": _smtp,
    "auth": _auth,
    "clamd": _clamd,
    "clamd version": _clamd_version,
    "spamd": _spamd,
    "milter": _milter,
    "policy": _policy,
    "dovecot": _dovecot,
    "accepts": _accepts,
}  # type: Dict[str, Callable[[Talk, Dict[str, Any]], str]]


def _connected(place: "Place", patience: float) -> "socket.socket":
    if "paths" not in place:
        return socket.create_connection((place["host"], place["port"]), timeout=patience)
    trouble = OSError(errno.ENOENT, "No such file or directory")
    for path in place["paths"]:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(patience)
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            connection.close()
            if error.errno != errno.ENOENT:
                trouble = error
    raise trouble


def _is_reply(data: bytes) -> bool:
    lines = data.split(b"\n")
    return len(lines) > 1 and not lines[-1] and lines[-2][3:4] != b"-"


def _expect(said: bytes, wanted: bytes) -> str:
    if said != wanted:
        raise Odd("answers " + _shown(said))
    return _shown(said)


def _shown(data: bytes) -> str:
    return data.strip(b"\0\r\n ").decode("utf-8", "replace").split("\n")[0].strip()[:200]


def _words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ECONNREFUSED:
        return "nobody listens there"
    if number == errno.ENOENT:
        return "there is no such socket"
    if number in (errno.EACCES, errno.EPERM):
        return "this user may not ask it"
    if number == errno.EAGAIN:
        return "it takes no more connections"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

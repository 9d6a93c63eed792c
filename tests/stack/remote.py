"""The rest of the world, in miniature: an SMTP server that treats each recipient as its address asks for.

What happens to a recipient is written in its domain (``anyone@full.test``) or in the first word of its
localpart (``full-7@ok.test``), so that one message can be served for some of its recipients and not for
others. Every message that was accepted is kept, so that a test can say where each one went.
"""

from __future__ import annotations

import asyncio
import base64
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field

from tests.stack.certificate import Certificate
from tests.stack.loopback import Loopback

#: The remote hosts on their loopback network: nobody listens at the dead one; the relay wants a login.
HOST, BUSY_HOST, DEAD_HOST, SILENT_HOST, RELAY_HOST = 10, 11, 12, 13, 14
#: Who may send through the relay, and the password: inside TLS where `FakeRemote.certificate` is set.
RELAY_USER, RELAY_PASSWORD = "relay-user", "s3cret: pass"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Verdict:
    """A reply other than yes: after RCPT or after the data, its text, and whether only the first time.

    An empty reply to the data means that the connection is dropped in the middle of it.
    """

    stage: str
    reply: str
    once: bool = False


#: What a word in an address brings about. Other words, ``ok`` among them, are accepted.
VERDICTS = {
    "grey": Verdict("rcpt", "450 4.7.1 Greylisted, please come back in 300 seconds", once=True),
    "full": Verdict("rcpt", "452 4.2.2 The mailbox is full"),
    "no": Verdict("rcpt", "550 5.1.1 No such user here"),
    "later": Verdict("data", "451 4.3.0 Try again later, the scanner is down"),
    "spam": Verdict("data", "554 5.7.1 This looks like spam"),
    "drop": Verdict("data", ""),
}
#: Words that are hosts of their own: 421 at connect, connection refused, a connection but never a greeting.
HOSTS = {"busy": BUSY_HOST, "dead": DEAD_HOST, "silent": SILENT_HOST}
#: All domains that mean something; ``slow`` waits for `FakeRemote.open_gate` before it accepts.
DOMAINS = tuple(f"{word}.test" for word in ("ok", "slow", *VERDICTS, *HOSTS))


@dataclass(frozen=True)
class Delivery:
    """One message that the remote took charge of."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    at: float = field(default_factory=time.time)
    helo: str = ""
    """How the client greeted."""
    user: str = ""
    """Who it was logged in as: at the relay."""
    tls: bool = False


class FakeRemote:
    """The remote hosts, serving from a thread of their own between `start` and `stop`."""

    def __init__(self, loopback: Loopback) -> None:
        self.loopback = loopback
        self.verdicts = dict(VERDICTS)
        self.certificate: Certificate | None = None
        self._deliveries: list[Delivery] = []
        self._seen: set[tuple[str, str]] = set()
        self._gate = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._sessions: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-remote", daemon=True)

    def start(self) -> None:
        """Listen on all addresses; returns when they answer."""
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        """Close every listener and connection."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def parameters(self) -> dict[str, str]:
        """The main.cf parameters that send all mail here, without any DNS."""
        routes = ", ".join(
            f"{{ {word}.test = smtp:[{self.loopback.address(host)}]:25 }}" for word, host in HOSTS.items()
        )
        return {
            "relayhost": f"[{self.loopback.address(HOST)}]:25",
            "transport_maps": f"inline:{{ {routes} }}",
            "fast_flush_domains": ", ".join(DOMAINS),
        }

    def open_gate(self) -> None:
        """Let the deliveries to ``slow`` go on, and from now on at once."""
        self._loop.call_soon_threadsafe(self._gate.set)

    def close_gate(self) -> None:
        """Let deliveries to ``slow`` wait again."""
        self._loop.call_soon_threadsafe(self._gate.clear)

    def heal(self, *words: str) -> None:
        """From now on accept what is addressed to these words."""
        for word in words:
            self.verdicts.pop(word, None)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Everything that was accepted so far, in order."""
        return tuple(self._deliveries)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    async def _listen(self) -> None:
        for host, handler in (
            (HOST, self._serve),
            (BUSY_HOST, self._busy),
            (SILENT_HOST, self._silent),
            (RELAY_HOST, self._relay),
        ):
            server = await asyncio.start_server(
                self._session(handler), self.loopback.address(host), 25, limit=1 << 20, backlog=512
            )
            self._servers.append(server)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _session(self, handler: Handler) -> Handler:
        """The handler, as a task that `_close` knows of and that survives a client that goes away."""

        async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._sessions.add(task)
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                self._sessions.discard(task)
                writer.close()

        return session

    async def _busy(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 4.3.2 Too many connections, come back later\r\n")
        await writer.drain()

    async def _silent(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, wants_login=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wants_login: bool = False
    ) -> None:
        """One SMTP session (RFC 5321), as much of it as Postfix speaks."""

        def say(reply: str) -> None:
            writer.write(reply.encode() + b"\r\n")

        sender, recipients, helo, user, tls = "", list[str](), "", "", False
        say("220 mx.test ESMTP")
        while True:
            await writer.drain()
            line = (await reader.readuntil(b"\r\n")).rstrip().decode("utf-8", "surrogateescape")
            verb = line.split(" ")[0].upper()
            offers_tls = wants_login and self.certificate is not None and not tls
            if verb == "EHLO":
                helo = line[5:]
                words = ["mx.test", "PIPELINING", "8BITMIME", "SMTPUTF8"]
                words += ["STARTTLS"] if offers_tls else ["AUTH PLAIN"] if wants_login else []
                say("\r\n".join([*(f"250-{word}" for word in words), "250 ENHANCEDSTATUSCODES"]))
            elif verb == "STARTTLS" and offers_tls:
                assert self.certificate is not None
                say("220 2.0.0 Go ahead")
                await writer.drain()
                await writer.start_tls(self.certificate.server_context())
                tls = True
            elif verb == "AUTH" and wants_login and not offers_tls:
                user = self._login(line)
                say("235 2.7.0 Welcome" if user else "535 5.7.8 Wrong user or password")
            elif verb == "MAIL" and wants_login and not user:
                say("530 5.7.0 Authentication required")
            elif verb == "MAIL":
                sender, recipients = _address(line), []
                say("250 2.1.0 Ok")
            elif verb == "RCPT":
                reply = self._rcpt(sender, _address(line))
                if not reply:
                    recipients.append(_address(line))
                say(reply or "250 2.1.5 Ok")
            elif verb == "DATA" and not recipients:
                say("554 5.5.1 No valid recipients")
            elif verb == "DATA":
                say("354 Go ahead")
                await writer.drain()
                verdicts = [v for a in recipients for v in self._verdicts(a) if v.stage == "data"]
                if any(not verdict.reply for verdict in verdicts):
                    await reader.readuntil(b"\r\n")
                    return
                data = await self._data(reader)
                if any("slow" in _words(address) for address in recipients):
                    await self._gate.wait()
                if not verdicts:
                    self._deliveries.append(
                        Delivery(sender, tuple(recipients), data, helo=helo, user=user, tls=tls)
                    )
                say(verdicts[0].reply if verdicts else "250 2.0.0 Ok, taken")
            elif verb == "QUIT":
                say("221 2.0.0 Bye")
                await writer.drain()
                return
            else:
                say("250 2.0.0 Ok" if verb in ("HELO", "RSET", "NOOP") else "502 5.5.2 Not here")

    def _login(self, line: str) -> str:
        """Who an ``AUTH PLAIN`` shows to be (RFC 4616), "" for nobody."""
        _identity, user, password = base64.b64decode(line.partition("PLAIN ")[2]).decode().split("\0")
        return user if (user, password) == (RELAY_USER, RELAY_PASSWORD) else ""

    async def _data(self, reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _verdicts(self, address: str) -> list[Verdict]:
        return [self.verdicts[word] for word in _words(address) if word in self.verdicts]

    def _rcpt(self, sender: str, recipient: str) -> str:
        """The reply to a recipient, "" for yes."""
        for verdict in self._verdicts(recipient):
            if verdict.stage == "rcpt" and not (verdict.once and (sender, recipient) in self._seen):
                self._seen.add((sender, recipient))
                return verdict.reply
        return ""


def _address(line: str) -> str:
    """The address of a MAIL FROM or RCPT TO."""
    found = re.search(r"<(.*)>", line)
    return found[1] if found else ""


def _words(address: str) -> tuple[str, str]:
    """The words of an address that may mean something: of its domain, of its localpart."""
    local, _, domain = address.rpartition("@")
    return domain.partition(".")[0], local.partition("-")[0]

"""The demo's services that listen: on ports of 127.0.0.1 that the system gives, for whoever probes them.

In threads of the demo's daemon (see `mtatui.backends.demo.life`). As with Postfix, what main.cf says is known
to them after `postfix reload`. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

from mtatui.backends.demo.command import Fatal
from mtatui.backends.demo.configuration import Configuration
from mtatui.backends.demo.session import Session
from mtatui.backends.demo.spool import Spool, pid_of

if TYPE_CHECKING:
    import ssl

#: Seconds that a client may keep silent.
PATIENCE = 60.0
#: Bytes of a line.
_LINE = 4096


def listen(services: tuple[str, ...]) -> dict[str, socket.socket]:
    """A listening socket for each service; clients wait until `serve`."""
    found = {}
    for service in services:
        found[service] = socket.socket()
        found[service].bind(("127.0.0.1", 0))
        found[service].listen(16)
    return found


class Smtpd:
    """Answers on the sockets, as long as the program lives."""

    def __init__(self, spool: Spool, directory: str) -> None:
        """Read the configuration, as it is now."""
        self._spool = spool
        self._directory = directory
        self._known: tuple[int, Configuration | Fatal] | None = None
        self._configuration()

    def serve(self, sockets: list[socket.socket]) -> None:
        """Begin to answer."""
        for listening in sockets:
            threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        port = listening.getsockname()[1]
        while True:
            client, _ = listening.accept()
            threading.Thread(target=self._talk, args=(client, port), daemon=True).start()

    def _talk(self, client: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(PATIENCE)
            try:
                of = self._configuration()
                service = next((s for s in of.services if s.fields[0].endswith(f":{port}")), None)
                wrapped = of.is_on("smtpd_tls_wrappermode", service)
                session = Session(of, service, tls=wrapped)
                for _, text in session.ills:
                    self._spool.say("smtpd", text)
                with _encrypted(client, of) if wrapped else client as channel:
                    channel.sendall(f"{session.greeting()}\r\n".encode())
                    _converse(channel, session)
                    if session.starts_tls:
                        with _encrypted(channel, of) as inner:
                            _converse(inner, Session(of, service, tls=True))
            except Fatal as error:
                # smtpd(8) dies, and master(8) does not start it again at once: the client sees the end only.
                self._spool.say("smtpd", f"fatal: {error}")
                died = f"process /usr/lib/postfix/sbin/smtpd pid {pid_of('smtpd')} exit status 1"
                self._spool.say("master", f"warning: {died}")

    def _configuration(self) -> Configuration:
        """The configuration as it was at the last reload."""
        stamp = 0
        with contextlib.suppress(FileNotFoundError):
            stamp = os.stat(self._spool.reload_file).st_mtime_ns
        if self._known is None or self._known[0] != stamp:
            try:
                found = Configuration(self._directory)
                _ = found.services  # now, and not when the first client comes
                self._known = stamp, found
            except Fatal as error:
                self._known = stamp, error
        known = self._known[1]
        if isinstance(known, Fatal):
            raise known
        return known


def _converse(channel: socket.socket, session: Session) -> None:
    """Answer until either side has enough, or TLS begins."""
    reading = channel.makefile("rb")
    while not (session.over or session.starts_tls) and (line := reading.readline(_LINE)):
        channel.sendall(f"{session.answer(line.decode('utf-8', 'replace'))}\r\n".encode())


def _encrypted(client: socket.socket, of: Configuration) -> ssl.SSLSocket:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(of.value("smtpd_tls_cert_file"), of.value("smtpd_tls_key_file"))
    return context.wrap_socket(client, server_side=True)

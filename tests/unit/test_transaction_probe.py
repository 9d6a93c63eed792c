"""Asking a server whether it is well: what counts as well, what as not, and what is said of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.transaction import probe

WELL: dict[str, bytes | None] = {
    "": b"220-wait\r\n220 mx.test ESMTP\r\n",
    "EHLO": b"250-mx.test\r\n250-SIZE\r\n250 SMTPUTF8\r\n",
    "MAIL": b"250 2.1.0 Ok\r\n",
    "RCPT": b"250 2.1.5 Ok\r\n",
    "RSET": b"250 2.0.0 Ok\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}


@contextlib.contextmanager
def server(
    replies: Mapping[str, bytes | None], said: list[str], tls: ssl.SSLContext | None = None
) -> Iterator[dict[str, Any]]:
    """A listener with these replies by command; None closes the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                with contextlib.suppress(OSError), connection:
                    talk(tls.wrap_socket(connection, server_side=True) if tls else connection)

    def talk(connection: socket.socket) -> None:
        connection.sendall(replies[""] or b"")
        if replies[""] is None:
            return
        for line in connection.makefile("rb"):
            said.append(line.decode("latin-1").strip())
            reply = replies.get(said[-1][:4], b"500 What\r\n")
            if reply is None:
                return
            connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield {"kind": "smtp", "name": "smtp", "address": "127.0.0.1", "port": listener.getsockname()[1]}


def asked(replies: Mapping[str, bytes | None]) -> str:
    """What is wrong with a server that answers so."""
    with server({**WELL, **replies}, []) as one:
        wrong = probe.ask_all([one], 1, 0)
    return wrong[0][1] if wrong else ""


def test_a_session_is_as_polite_as_a_client_of_its_own() -> None:
    said: list[str] = []
    with server(WELL, said) as one:
        probe.session(one)
    us = "<postmaster@[127.0.0.1]>"
    null = ["MAIL FROM:<>", f"RCPT TO:{us}", "RSET"]
    assert said[:7] == ["EHLO [127.0.0.1]", *null, f"MAIL FROM:{us}", f"RCPT TO:{us}", "RSET"]


@pytest.mark.parametrize(
    "replies",
    [
        {},
        {"RCPT": b"450 4.2.0 Greylisted\r\n"},
        {"RCPT": b"451 4.7.1 Try again later\r\n"},
        {"RCPT": b"554 5.7.1 Relay access denied\r\n"},
        {"MAIL": b"530 5.7.0 Must issue a STARTTLS command first\r\n"},
        {"RCPT": b"250 Ok\n"},
        {"": b"421 4.7.0 mx.test Error: too many connections from 127.0.0.1\r\n"},
    ],
)
def test_policy_is_well(replies: dict[str, bytes]) -> None:
    assert asked(replies) == ""


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"": b"554 5.7.1 No\r\n"}, "greets with: 554 5.7.1 No"),
        ({"": b"421 4.3.2 All server ports are busy\r\n"}, "says to a new client: 421"),
        ({"": None}, "closed the connection"),
        ({"EHLO": b"502 What\r\n"}, "says to EHLO: 502 What"),
        ({"EHLO": None}, "closed the connection"),
        ({"MAIL": b"451 4.3.0 Temporary lookup failure\r\n"}, "says to MAIL FROM:<>: 451 4.3.0"),
        ({"RCPT": b"451-4.3.5 Server\r\n451 4.3.5 configuration error\r\n"}, "451 4.3.5 configuration error"),
        ({"MAIL": b"452 4.3.1 Insufficient system storage\r\n"}, "452 4.3.1 Insufficient system storage"),
        ({"RCPT": b"421 4.3.0 Bye\r\n"}, "421 4.3.0 Bye"),
        ({"": b"x" * 70000}, "does not speak SMTP"),
    ],
)
def test_what_is_not_well(replies: dict[str, bytes | None], words: str) -> None:
    assert words in asked(replies)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    one = {"kind": "smtp", "name": "smtp", "address": "127.0.0.1", "port": port}
    assert probe.ask_all([one], 1, 0) == [(f"127.0.0.1:{port} (smtp)", "nobody listens there")]


def test_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(WELL | {"EHLO": b""}, []) as one, pytest.raises(TimeoutError):
        probe.session(one, patience=0.2)


def test_a_silent_one_is_not_waited_for_when_worse_is_known() -> None:
    """As when smtpd has died and its log says so: nobody need wait until a session is given up."""
    with server(WELL | {"": b""}, []) as silent, server(WELL | {"": b"421 No\r\n"}, []) as broken:
        known = threading.Event()
        threading.Timer(0.1, known.set).start()
        wrong = probe.ask_all([silent, broken], 2, 60, known.is_set)
    assert [name for name, _ in wrong] in ([probe.called(broken)], [])


def test_it_may_come_back_in_time() -> None:
    replies: dict[str, bytes | None] = dict(WELL, RCPT=b"451 4.3.0 Not yet\r\n")
    with server(replies, []) as one:
        threading.Timer(0.2, replies.update, [WELL]).start()
        assert probe.ask_all([one], 2, 10) == []


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days 2"
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with server(WELL, [], context) as one:
        probe.session(one | {"tls": True})
    with server(WELL, []) as plain:
        assert probe.ask_all([plain | {"tls": True}], 1, 0) != []


def test_how_it_is_called() -> None:
    six = {"kind": "smtp", "name": "submission", "address": "::1", "port": 587}
    assert probe.called(six) == "[::1]:587 (submission)"

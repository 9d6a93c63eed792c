"""TXT records through the server's resolver: every answer a name server may give, and none at all."""

from __future__ import annotations

import ast
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends import resolving
from mtatui.backends.host_local import LocalHost
from mtatui.backends.resolving import Trouble, asking, txt

LONG = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkq" * 60


class NameServer:
    """Answers on a port of the loopback, by UDP and by TCP, as a function says."""

    def __init__(self, answer: Callable[[dns.message.Message], bytes | None]) -> None:
        self.answer = answer
        self.heard: list[str] = []
        self.udp, self.tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
        self.tcp.bind(("127.0.0.1", 0))
        self.place = self.tcp.getsockname()
        self.udp.bind(self.place)
        self.tcp.listen()

    def by_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, client = self.udp.recvfrom(4096)
                if not wire:
                    return
                self.heard.append("udp")
                if answer := self.answer(dns.message.from_wire(wire)):
                    whole = dns.message.from_wire(answer) if len(answer) > 512 else None
                    if whole is not None:
                        whole.answer.clear()
                        whole.flags |= dns.flags.TC
                    self.udp.sendto(whole.to_wire() if whole is not None else answer, client)

    def by_tcp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                with connection:
                    wire = connection.recv(4096)[2:]
                    self.heard.append("tcp")
                    answer = self.answer(dns.message.from_wire(wire)) or b""
                    for at in range(0, len(answer) + 2, 100):  # it comes in pieces
                        connection.sendall((len(answer).to_bytes(2, "big") + answer)[at : at + 100])


@contextlib.contextmanager
def serving(answer: Callable[[dns.message.Message], bytes | None]) -> Iterator[NameServer]:
    server = NameServer(answer)
    threads = [threading.Thread(target=run, daemon=True) for run in (server.by_udp, server.by_tcp)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        server.udp.close()
        server.tcp.close()


def response(query: dns.message.Message, *records: str, rcode: int = 0) -> bytes:
    """An answer; each record as a zone file has it, without its name: ``TXT "text"``."""
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.Rcode(rcode))
    name = query.question[0].name
    for record in records:
        owner, _, rest = (
            record.partition(" ") if not record.startswith(("TXT", "CNAME")) else ("", "", record)
        )
        type, _, text = rest.partition(" ")
        made.answer.append(dns.rrset.from_text(owner or name, 60, "IN", type, text))
    return made.to_wire(max_size=65535)


async def ask(server: NameServer, *names: str, patience: float = 5) -> dict[str, tuple[str, ...] | Trouble]:
    return await txt(LocalHost(), names, patience=patience, servers=[server.place])


async def test_strings_of_a_record_are_joined_and_names_stay_as_they_were_asked() -> None:
    with serving(lambda query: response(query, 'TXT "v=DKIM1; " "p=AB" "CD"')) as server:
        found = await ask(server, "Mail._domainkey.Example.test", "x.example.test.")
    assert found == dict.fromkeys(["Mail._domainkey.Example.test", "x.example.test."], ("v=DKIM1; p=ABCD",))


async def test_a_record_that_is_too_long_for_udp_comes_by_tcp() -> None:
    pieces = " ".join(f'"{LONG[at : at + 255]}"' for at in range(0, len(LONG), 255))
    with serving(lambda query: response(query, f"TXT {pieces}")) as server:
        assert await ask(server, "a.test") == {"a.test": (LONG,)}
        assert server.heard == ["udp", "tcp"]


async def test_an_alias_is_followed() -> None:
    def answer(query: dns.message.Message) -> bytes:
        return response(query, "CNAME key.provider.test.", 'key.provider.test. TXT "v=DKIM1; p=X"')

    with serving(answer) as server:
        assert await ask(server, "a.test") == {"a.test": ("v=DKIM1; p=X",)}


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
async def test_what_is_not_there_is_no_trouble(rcode: int) -> None:
    with serving(lambda query: response(query, rcode=rcode)) as server:
        assert await ask(server, "a.test") == {"a.test": ()}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda query: response(query, rcode=2), "SERVFAIL"),
        (lambda query: response(query, rcode=5), "REFUSED"),
        (lambda query: response(query, rcode=9), "NOTAUTH"),
        (lambda query: None, "does not answer"),
        (lambda query: response(query, 'TXT "x"')[:-3], "cannot be read"),
    ],
)
async def test_trouble_is_told_in_words(
    answer: Callable[[dns.message.Message], bytes | None], words: str
) -> None:
    with serving(answer) as server:
        found = (await ask(server, "a.test", patience=1))["a.test"]
    assert isinstance(found, Trouble)
    assert words in found.text


async def test_another_ones_answer_is_not_taken() -> None:
    other = dns.message.make_query("other.test.", "TXT")

    def answer(query: dns.message.Message) -> bytes:
        other.id = query.id
        return response(other, 'TXT "v=DKIM1; p=EVIL"')

    with serving(answer) as server:
        assert isinstance((await ask(server, "a.test", patience=1))["a.test"], Trouble)


async def test_names_that_cannot_be_are_not_asked_for() -> None:
    with serving(response) as server:
        found = await ask(server, "a..test", "x" * 64 + ".test", "a.test")
        assert len(server.heard) == 1
    assert [isinstance(answer, Trouble) for answer in found.values()].count(True) == 2
    assert found["a.test"] == ()


async def test_a_host_that_cannot_run_it_is_trouble_with_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "PROGRAM", Path("/no/such/program.py"))
    found = await txt(LocalHost(), ["a.test"])
    assert "could not be asked" in str(found["a.test"])


def test_the_next_server_is_asked_when_one_cannot_find_out() -> None:
    query = dns.message.make_query("a.test.", "TXT").to_wire()
    with (
        serving(lambda query: response(query, rcode=2)) as lame,
        serving(lambda query: response(query, 'TXT "x"')) as sound,
    ):
        answer = asking.ask(query, [lame.place, sound.place], 1e12)
    assert "wire" in answer
    assert sound.heard == ["udp"]


def test_name_servers_are_read_as_the_resolver_reads_them(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# x\nnameserver 192.0.2.1\nsearch a\nnameserver ::1 # y\n nameserver 9.9.9.9\nnameserver 8.8.8.8\n"
    )
    assert asking.servers(str(conf)) == [("192.0.2.1", 53), ("::1", 53), ("9.9.9.9", 53)]
    assert asking.servers("/no/such") == [("127.0.0.1", 53)]


def test_the_program_ends_in_its_time() -> None:
    silent = socket.socket(type=socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    request = {
        "queries": ["AAAAAAABAAAAAAAAAWEAABAAAQ=="],
        "patience": 0.3,
        "servers": [silent.getsockname()],
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", asking.__file__],
        input=json.dumps(request), capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"answers": [{"trouble": "127.0.0.1 does not answer"}]}


async def test_many_names_share_the_time_there_is() -> None:
    names = [f"n{number}.test" for number in range(resolving.TOGETHER + 3)]
    with serving(lambda query: None) as server:
        found = await ask(server, *names, patience=0.5)
    assert {str(found[name]) for name in names[:3]} == {"127.0.0.1 does not answer"}
    assert {str(found[name]) for name in names[-3:]} == {"it was not asked: others took all the time"}


def test_the_program_runs_on_any_server() -> None:
    """It is started by the server's own Python (3.6 or newer), which knows nothing of mtatui or of ours."""
    module = ast.parse(Path(asking.__file__).read_text("utf-8"), feature_version=(3, 6))
    imported = {
        name
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    }
    assert imported <= sys.stdlib_module_names


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_nonsense_is_no_answer_and_no_error(answer: bytes, query: bytes) -> None:
    assert asking.belongs(answer, query) in (True, False)
    assert len(asking.question(query)) <= len(query)

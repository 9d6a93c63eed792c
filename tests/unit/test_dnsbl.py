"""A block list is judged by its test entries; the program that asks for them ends in time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from mtatui.backends.host import Completed, Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix import asking, dnsbl
from mtatui.backends.postfix.dnsbl import judge, matches

NAMES = ("2.0.0.127", "1.0.0.127", "test", "dbltest.com", "test.surbl.org", "test.uribl.com", "invalid")


def answers(**said: list[str] | str) -> dict[str, list[str] | str]:
    """What a list says: ``listed`` and ``free`` are the addresses."""
    named = {"listed": "2.0.0.127", "free": "1.0.0.127", "domain": "dbltest.com"}
    found: dict[str, list[str] | str] = {name: [] for name in NAMES}
    return found | {named.get(name, name): answer for name, answer in said.items()}


@pytest.mark.parametrize(
    ("zone", "said", "ok", "words"),
    [
        ("zen.example", answers(listed=["127.0.0.2", "127.0.0.4"]), True, "works: it lists 127.0.0.2"),
        ("zen.example=127.0.0.[2..11]", answers(listed=["127.0.0.10"]), True, "works: it lists"),
        ("zen.example=127.0.0.5", answers(listed=["127.0.0.2"]), True, "takes nothing"),
        ("dbl.example", answers(domain=["127.0.1.2"], listed=["127.0.1.255"]), True, "a list of domains"),
        ("zen.example", answers(listed=["127.255.255.254"]), False, "public resolver"),
        ("zen.example", answers(listed=["127.255.255.255"]), False, "too many questions"),
        ("sold.example", answers(listed=["192.0.2.1"], free=["192.0.2.1"]), False, "sold"),
        ("dead.example", answers(listed=["127.0.0.2"], free=["127.0.0.2"]), False, "even 127.0.0.1"),
        ("dead.example", answers(domain=["127.0.0.2"], invalid=["127.0.0.2"]), False, "even invalid"),
        ("no.example", answers(), False, "misspelled"),
        ("slow.example", answers(listed="Temporary failure\x1b"), False, "failure␛"),
    ],
)  # fmt: skip
def test_answers(zone: str, said: dict[str, list[str] | str], ok: bool, words: str) -> None:
    test = judge(zone, said)
    assert (test.zone, test.ok) == (zone, ok)
    assert words in test.text


@pytest.mark.parametrize(
    ("pattern", "code", "expected"),
    [
        ("127.0.0.2", "127.0.0.2", True),
        ("127.0.0.2", "127.0.0.20", False),
        ("127.0.0.[2..11]", "127.0.0.11", True),
        ("127.0.0.[2..11]", "127.0.0.12", False),
        ("127.0.0.[2;4;8..9]", "127.0.0.9", True),
        ("127.0.0.[2;4;8..9]", "127.0.0.5", False),
        ("127.0.[2..14].[1..3]", "127.0.5.2", True),
        ("127.0", "127.0.0.2", False),
    ],
)
def test_reply_filters(pattern: str, code: str, expected: bool) -> None:
    assert matches(pattern, code) is expected


class Says(LocalHost):
    """A host whose resolver says what it is told."""

    def __init__(self, stdout: bytes, stderr: bytes = b"") -> None:
        super().__init__("mx1")
        self.stdout, self.stderr = stdout, stderr
        self.asked = b""

    async def run(self, argv: Sequence[str], *, input: Any = None, **_: Any) -> Completed:
        self.asked = input
        return Completed(tuple(argv), 0, self.stdout, self.stderr, 0.1)


async def test_the_server_is_asked_without_the_filter() -> None:
    said = {f"{asked}.zen.example": answer for asked, answer in answers(listed=["127.0.0.2"]).items()}
    host = Says(json.dumps(said).encode())
    test = await dnsbl.test_zone(host, "zen.example=127.0.0.[2..11]")
    assert test.ok
    assert host.asked.split() == [f"{asked}.zen.example".encode() for asked in NAMES]


async def test_a_server_without_an_answer_is_told() -> None:
    with pytest.raises(Unreachable, match="mx1 could not be asked: no module"):
        await dnsbl.test_zone(Says(b"", b"no module"), "zen.example")


def test_the_program_answers_for_every_name() -> None:
    argv = [sys.executable, "-I", "-S", asking.__file__]
    ran = subprocess.run(
        argv, input=b"nothing.invalid\nno..name\n", capture_output=True, timeout=30, check=True
    )
    found = json.loads(ran.stdout)
    assert [*found] == ["nothing.invalid", "no..name"]
    assert not found["nothing.invalid"] or isinstance(found["nothing.invalid"], str)
    assert isinstance(found["no..name"], str)

"""Postfix's commands: their argv, what is read out of them, and how their refusals are told."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from mtatui.backends.host import CommandLog, Completed, HostError, Missing, NotPermitted, Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.schedule import AHEAD
from mtatui.backends.postfix.scheduling import SIDE_BY_SIDE
from mtatui.backends.postfix.tools import Tools, explain

Answer = tuple[int, bytes, bytes]


class Scripted(LocalHost):
    """A host that answers from a list, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__("mx1")
        self.log = CommandLog()
        self.asked: list[list[str]] = []
        self._answers = list(answers)

    async def run(
        self,
        argv: Sequence[str],
        *,
        changes: bool = False,
        input: bytes | AsyncIterator[bytes] | None = None,
        timeout: float = 30.0,
        note: str = "",
        on_stderr: Callable[[bytes], None] | None = None,
        limit: int = 0,
    ) -> Completed:
        self.asked.append(list(argv))
        code, out, err = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return Completed(tuple(argv), code, out, err, 0.0)


async def test_parameters_are_read_by_name_whatever_is_unknown_or_empty() -> None:
    out = b"queue_directory = /var/spool/postfix\nrelayhost =\nmynetworks = 10.0.0.0/8 = x\n"
    host = Scripted((0, out, b"postconf: warning: nosuch: unknown parameter\n"))
    assert await Tools(host, "/etc/pf").parameters(
        "nosuch", "queue_directory", "relayhost", "mynetworks"
    ) == {
        "queue_directory": "/var/spool/postfix",
        "relayhost": "",
        "mynetworks": "10.0.0.0/8 = x",
    }
    assert host.asked == [
        ["postconf", "-c", "/etc/pf", "-x", "nosuch", "queue_directory", "relayhost", "mynetworks"]
    ]


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.7.11", (3, 7, 11)), ("3.9-20231012", (3, 9)), ("3.11-20260101-nonprod", (3, 11))],
)
async def test_version_is_numbers(text: str, version: tuple[int, ...]) -> None:
    assert await Tools(Scripted((0, f"mail_version = {text}\n".encode(), b""))).version() == version


#: Recorded from Postfix 3.7.11, but for the one about users (from its source, flush_clnt.c and postqueue.c).
REFUSALS = [
    ("postqueue", 69, "fatal: Queue report unavailable - mail system is down", Unreachable, "postfix start"),
    (
        "postqueue",
        69,
        "fatal: Cannot flush mail queue - mail system is down",
        Unreachable,
        "not running on mx1",
    ),
    ("postsuper", 1, "fatal: use of this command is reserved for the superuser", NotPermitted, "root only"),
    ("postcat", 1, "fatal: open queue file 835D620C4B0: Permission denied", NotPermitted, "as this user"),
    ("postcat", 1, "fatal: open queue file 835D620C4B0: No such file or directory", Missing, "any more"),
    (
        "postqueue",
        69,
        "fatal: User bob(1000) is not allowed to flush the mail queue",
        NotPermitted,
        "flush_users",
    ),
    (
        "postconf",
        1,
        "fatal: open /etc/postfix/main.cf: No such file or directory",
        Missing,
        "no Postfix configur",
    ),
    (
        "postqueue",
        69,
        'fatal: Flush service is not configured for destination "a.b"',
        HostError,
        "fast_flush",
    ),
    ("postqueue", 69, "fatal: something new", HostError, "something new"),
    ("postqueue", 3, "\n", HostError, "exit code 3"),
]


@pytest.mark.parametrize(("command", "code", "text", "kind", "words"), REFUSALS)
def test_refusals_are_told_in_words(
    command: str, code: int, text: str, kind: type[HostError], words: str
) -> None:
    error = explain(Completed((command,), code, b"", text.encode(), 0.0), "mx1")
    assert type(error) is kind
    assert words in str(error)


async def test_who_may_not_ask_for_the_status_hears_it_from_postqueue() -> None:
    refused = b"postqueue: fatal: Queue report unavailable - mail system is down\n"
    direct = b"postqueue: warning: Mail system is down -- accessing queue directly\n"
    cases: tuple[tuple[bool, list[Answer], bool], ...] = (
        (False, [(69, b"", refused)], False),
        (False, [(0, b"{", b"")], True),
        (True, [(0, b"", b"")], True),
        (True, [(1, b"", b""), (0, b"{", direct)], False),
        (True, [(1, b"", b""), (0, b"{", b"")], True),  # through sudo: "postfix status" runs as the user
    )
    for superuser, answers, running in cases:
        host = Scripted(*answers)
        host.superuser = superuser
        assert await Tools(host).status() is running


class Stubborn(LocalHost):
    """A host whose postqueue has an answer of its own for each message, by its first letter."""

    def __init__(self, **answers: str) -> None:
        super().__init__("mx1")
        self._answers = answers

    def command(self, argv: Sequence[str]) -> list[str]:
        program = "import sys; words = dict(zip(sys.argv[1::2], sys.argv[2::2])).get(sys.argv[-1][0]); "
        program += "words and sys.exit((print('postqueue: fatal:', words, file=sys.stderr), 69)[1])"
        answers = [word for answer in self._answers.items() for word in answer]
        at = list(argv).index("postqueue")
        return [*argv[:at], sys.executable, "-I", "-S", "-c", program, *answers, argv[-1]]


async def test_deliver_now_tells_of_every_message() -> None:
    done: dict[str, str] = {}
    ids = ["AAAAA", "BBBBB", *(f"C{n:05}" for n in range(20))]
    await Tools(Stubborn(B="odd")).deliver_now(ids, done.__setitem__)
    assert set(done) == set(ids)
    assert "odd" in done.pop("BBBBB")
    assert set(done.values()) == {""}


async def test_deliver_now_does_not_ask_on_when_postfix_is_down() -> None:
    ids = iter([f"A{n:05}" for n in range(1000)])
    with pytest.raises(Unreachable, match="not running"):
        await Tools(Stubborn(A="Cannot flush - mail system is down")).deliver_now(ids, lambda *_: None)
    assert len(list(ids)) >= 1000 - AHEAD - SIDE_BY_SIDE


async def test_deliver_now_says_that_there_is_no_postqueue() -> None:
    class Bare(LocalHost):
        def command(self, argv: Sequence[str]) -> list[str]:
            return [word.replace("postqueue", "no-such-command") for word in argv]

    with pytest.raises(Missing, match="no postqueue on mx1"):
        await Tools(Bare("mx1")).deliver_now(["AAAAA"], lambda *_: None)


async def test_cat_takes_ids_and_paths_and_nothing_else() -> None:
    host = Scripted((0, b"text", b""))
    assert await Tools(host).cat("ABCDE", "headers", 10) == (b"text", False)
    await Tools(host).cat("/q/corrupt/ABCDE", "raw", 10)
    assert host.asked == [["postcat", "-q", "-h", "ABCDE"], ["postcat", "-bh", "/q/corrupt/ABCDE"]]
    with pytest.raises(Missing, match="not a queue ID"):
        await Tools(host).cat("-c", "headers", 10)

"""Verdicts asked for through a host: what comes, what does not, and what is said then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from mtatui.backends import resolving
from mtatui.backends.host import Completed, File, HostError, Missing, NotPermitted, TimedOut
from mtatui.backends.host_local import LocalHost
from mtatui.backends.verdicts import LARGEST, Judge, Spam, State, Stopped, Verdicts, Virus
from mtatui.backends.verdicts.words import document, doing, lines
from mtatui.settings.plan import Tag
from mtatui.text import clean
from tests.unit.test_verdicts_signatures import LETTER, NAME, rsa, sign

EVIL = "\x1b[2J\x9b\u202e"
CLAMD = b"LocalSocket /run/clamav/clamd.ctl\nStreamMaxLength 25M\n"
CLEAN = ["virus", {"version": "ClamAV 1.4.3", "found": []}]
SCORED: list[Any] = [
    "spam",
    {
        "by": "spamassassin 4.0.1",
        "points": 3.2,
        "required": 5.0,
        "cut": False,
        "notes": [],
        "summary": " 3.2 LOUD                   Shouts",
        "scores": "LOUD=3.21",
    },
]


class FakeHost(LocalHost):
    """A host on which everybody says what the test wants."""

    def __init__(
        self,
        *said: Any,
        raw: bytes = LETTER,
        clamd: bytes | HostError | None = CLAMD,
        error: HostError | None = None,
    ) -> None:
        super().__init__("mx1")
        self.said = said
        self.raw = raw
        self.clamd = clamd
        self.error = error
        self.request: dict[str, Any] = {}
        self.waits = False
        self.ended = False

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        found: dict[str, File | HostError] = {path: Missing(f"There is no {path}.") for path in paths}
        if isinstance(self.clamd, bytes):
            found["/etc/clamav/clamd.conf"] = File(self.clamd, Tag(1, 1, 1, ""), 0o644, 0, 0)
        elif self.clamd is not None:
            found["/etc/clamav/clamd.conf"] = self.clamd
        return found

    async def run(
        self,
        argv: Sequence[str],
        *,
        changes: bool = False,
        input: bytes | AsyncIterator[bytes] | None = None,
        timeout: float = 30.0,
        note: str = "",
        on_stderr: Callable[[bytes], None] | None = None,
        limit: int = 64 * 1024 * 1024,
    ) -> Completed:
        assert not changes, "a verdict changes nothing"
        if argv[0] == "postcat":
            return Completed(tuple(argv), 0, self.raw[:limit], b"", 0.0, cut=len(self.raw) > limit)
        assert argv[-1].endswith("judging/__main__.py")
        assert on_stderr is not None
        assert input is not None
        assert not isinstance(input, bytes)
        self.request = json.loads(await anext(input))
        spoken = b""
        try:
            for what in self.said:
                line = what if isinstance(what, bytes) else json.dumps(what).encode()
                spoken += line + b"\n"
                on_stderr(line)
            if self.waits:
                await asyncio.Event().wait()
        finally:
            self.ended = True
        if self.error:
            raise self.error
        return Completed(tuple(argv), 0, b"", spoken, 0.0)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the DNS says; whoever is not in it does not exist."""
    known: dict[str, Any] = {}

    async def txt(host: Any, names: Iterable[str], **_: Any) -> Mapping[str, Any]:
        return {name: known.get(name, ()) for name in names}

    monkeypatch.setattr(resolving, "txt", txt)
    return known


def ask(host: FakeHost, **how: Any) -> Verdicts:
    return asyncio.run(Judge(host).verdicts("39B8DA804F9", **how))


def told(verdicts: Verdicts) -> str:
    return "\n".join(f"{line.label:9} {line.text}" for line in lines(verdicts))


def test_all_of_them(keys: dict[str, Any]) -> None:
    keys[NAME] = (rsa()[1],)
    seen: list[Verdicts] = []
    host = FakeHost(["virus", "clamd is scanning"], CLEAN, ["spam", "spamd is scoring"], SCORED, raw=sign())
    found = ask(host, progress=seen.append)
    assert found.complete
    assert not found.failed
    assert [one.result for one in found.signatures] == ["pass"]
    text = told(found)
    assert "● none found" in text
    assert "● 3.20 points: no spam (SpamAssassin's own limit is 5.00)" in text
    assert "    3.21  LOUD  Shouts" in text
    assert "● pass  shop.test (selector s, rsa 2048)" in text
    assert "nothing else is asked of the network" in text
    assert any(one.virus.words == "clamd is scanning" for one in seen)
    assert any("spamd is scoring" in doing(one) for one in seen)
    assert doing(found) == ""
    assert host.request["message"] == {"name": "39B8DA804F9", "config": "", "most": LARGEST}
    assert host.request["virus"]["place"] == {"paths": ["/run/clamav/clamd.ctl"]}
    assert host.request["virus"]["limit"] == 25 << 20
    assert json.loads(json.dumps(document(found)))["dkim"][0]["result"] == "pass"


def test_without_signatures_nothing_is_asked_of_the_network() -> None:
    assert "nothing at all is asked of the network" in told(ask(FakeHost(CLEAN, SCORED)))


@pytest.mark.parametrize(
    ("conf", "place"),
    [
        (b"TCPSocket 3310\n", {"host": "127.0.0.1", "port": 3310}),
        (b"TCPSocket 3311\nTCPAddr 0.0.0.0\n", {"host": "127.0.0.1", "port": 3311}),
        (b'LocalSocket "/run/a"\nTCPSocket 3310\n', {"paths": ["/run/a"]}),
    ],
)
def test_where_clamd_is(conf: bytes, place: dict[str, Any]) -> None:
    host = FakeHost(CLEAN, SCORED, clamd=conf)
    ask(host)
    assert host.request["virus"]["place"] == place


@pytest.mark.parametrize(
    ("conf", "state", "words"),
    [
        (None, State.MISSING, "apt install clamav-daemon"),
        (b"Example\nLocalSocket /run/a\n", State.MISSING, "clamd is not set up"),
        (b"# nothing\n", State.MISSING, "names neither LocalSocket nor TCPSocket"),
        (NotPermitted("clamd.conf may not be read by this user."), State.FAILED, "may not be read"),
    ],
)
def test_where_there_is_none_it_is_said_calmly(
    conf: bytes | HostError | None, state: State, words: str
) -> None:
    host = FakeHost(SCORED, clamd=conf)
    found = ask(host)
    assert found.virus.state is state
    assert words in told(found)
    assert host.request["virus"] is None
    assert found.spam.state is State.DONE, "one who is not there does not keep the other"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["virus", {"version": "", "trouble": "clamd did not answer"}], "not known: clamd did not"),
        (["virus", {"version": "x", "trouble": "too large", "limit": 100}],
         "more than clamd takes (100 B, StreamMaxLength)"),
        (["virus", {"version": "x", "trouble": "clamd says: INSTREAM size limit exceeded. ERROR"}],
         "more than clamd takes (StreamMaxLength)"),
        (["spam", {"missing": True, "trouble": "x", "notes": ["spamd was not asked"]}],
         "install the package spamassassin"),
        (["spam", {"trouble": "spamassassin was not ready within 60 s"}], "not known: spamassassin was"),
        (["unread", "postcat: fatal: bad record"], "could not be read: postcat: fatal: bad record"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said(said: Any, words: str) -> None:
    found = ask(FakeHost(said))
    assert found.complete, "nobody is waited for any more"
    assert words in told(found)


def test_a_program_that_dies_is_told_by_its_last_words() -> None:
    found = ask(FakeHost(CLEAN, b"Traceback", b"MemoryError"))
    assert found.virus.state is State.DONE
    assert found.spam.state is State.FAILED
    assert "MemoryError" in found.spam.words
    assert found.failed


def test_one_that_is_stopped_leaves_what_it_has_found() -> None:
    found = ask(FakeHost(CLEAN, error=TimedOut("python3 did not end within 180 seconds and was stopped.")))
    assert found.virus.state is State.DONE
    assert "180 seconds" in found.spam.words


@pytest.mark.parametrize(
    "noise", [b"", b"{", b"[]", b'["virus"]', b'["virus", 3]', b'["virus", {}]', b'["other", {}]', b"\xff",
              b'["spam", {"points": "many", "required": 1, "summary": "", "scores": "", "by": ""}]']
)  # fmt: skip
def test_noise_is_no_verdict(noise: bytes) -> None:
    found = ask(FakeHost(noise, CLEAN, SCORED))
    assert (found.virus.state, found.spam.state) == (State.DONE, State.DONE)


def test_nothing_unclean_comes_through(keys: dict[str, Any]) -> None:
    keys[NAME] = (rsa()[1] + f"; n={EVIL}",)
    spam = dict(SCORED[1], summary=f" 3.2 LOUD                   {EVIL}", by=EVIL, notes=[EVIL])
    raw = f"Authentication-Results: {EVIL}; dkim={EVIL} ({EVIL}) header.d={EVIL}\r\n".encode() + sign()
    found = ask(FakeHost(["virus", {"version": EVIL, "found": [EVIL]}], ["spam", spam], raw=raw))
    for text in [told(found), document(found)["spam"]["rules"][0]["description"]]:
        assert clean(text, lines=True) == text


def test_temporary_trouble_is_no_end(keys: dict[str, Any]) -> None:
    keys[NAME] = resolving.Trouble("192.0.2.53 does not answer")
    found = ask(FakeHost(CLEAN, SCORED, raw=sign()))
    assert found.failed
    assert "◐ temperror  shop.test (selector s): its key is not known: 192.0.2.53" in told(found)


@pytest.mark.parametrize(
    ("raw", "words"), [(b"", "empty, or corrupt"), (b"x" * (LARGEST + 1), "larger than 64 M")]
)
def test_what_nobody_is_asked_about(raw: bytes, words: str) -> None:
    with pytest.raises(HostError, match=words):
        ask(FakeHost(raw=raw))


async def test_it_stops_when_told_to_and_lets_go_of_the_program() -> None:
    host = FakeHost(CLEAN)
    host.waits = True
    cancel = asyncio.Event()
    seen: list[Verdicts] = []

    def progress(so_far: Verdicts) -> None:
        seen.append(so_far)
        if so_far.virus.state is State.DONE and so_far.chain is not None:
            cancel.set()

    with pytest.raises(Stopped):
        await Judge(host).verdicts("39B8DA804F9", progress=progress, cancel=cancel)
    assert host.ended
    assert seen[-1].spam.state is State.WAITING


def test_words_for_everything_that_waits() -> None:
    assert "◌ is waited for …" in told(Verdicts("A", 1))
    spam = Verdicts("A", 1, Virus(), Spam(State.DONE, 5.0, 5.0))
    assert "✖ 5.00 points: spam (SpamAssassin's own limit is 5.00)" in told(spam)

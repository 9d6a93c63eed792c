"""The feeds, against children that behave and children that do not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import Draft, To, make_spool, write
from mtatui.backends.host import HostError, NotPermitted, TimedOut
from mtatui.backends.host_local import LocalChild, LocalHost
from mtatui.backends.postfix import feed as feed_module
from mtatui.backends.postfix.feed import PostqueueFeed, SpoolFeed
from mtatui.queue.delta import Delta, Done, Gone, Problem, Rows
from mtatui.queue.message import Message, Row, State

DONE = '["done",1.0,0.1,{"hold":0}]'


class Puppet(LocalHost):
    """A host on which every child is a small Python program of ours."""

    def __init__(self, program: str) -> None:
        super().__init__("puppet")
        self.program = program
        self.children: list[subprocess.Popen[bytes]] = []
        self.asked: list[Sequence[str]] = []

    def child(self, argv: Sequence[str], *, changes: bool = False) -> LocalChild:
        self.asked.append(argv)
        child = super().child([sys.executable, "-I", "-S", "-c", self.program])
        self.children.append(child)
        return child


def spool_feed(program: str) -> tuple[SpoolFeed, Puppet]:
    host = Puppet(program)
    return SpoolFeed(host, "/queue", "deferred", 1), host


def rows_of(deltas: list[Delta]) -> list[Row]:
    return [row for delta in deltas if isinstance(delta, Rows) for row in delta.rows]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[tuple[Path, SpoolFeed]]:
    make_spool(tmp_path)
    feed = SpoolFeed(LocalHost(), str(tmp_path), "deferred, defer", 1)
    yield tmp_path, feed
    feed.close()


def test_the_real_child_reads_a_spool_and_remembers_it(spool: tuple[Path, SpoolFeed]) -> None:
    root, feed = spool
    hostile = "e\udcff\x1b[2J\u2028@x.test"
    ids = [
        write(root, Draft([To(hostile, "no\u2028way")], hostile, state="deferred", arrival=1.7e9 + n))
        for n in range(3)
    ]
    deltas = list(feed.scan())
    assert sorted(row[0] for row in rows_of(deltas)) == sorted(ids)
    first = Message.from_row(rows_of(deltas)[0])
    assert (first.sender, first.recipients[0].reason) == ('"e\udcff\x1b[2J\u2028"@x.test', "no\u2028way")
    again = list(feed.scan(thorough=True))
    assert [type(delta) for delta in again] == [Done]
    assert isinstance(again[0], Done)
    assert again[0].counts[State.DEFERRED] == 3


def test_many_messages_come_through_several_processes_whole(spool: tuple[Path, SpoolFeed]) -> None:
    root, feed = spool
    ids = [write(root, Draft([To("a@x")], "b@x", state="hold", arrival=1.7e9 + n / 997)) for n in range(1500)]
    deltas = list(feed.scan())
    assert sorted(row[0] for row in rows_of(deltas)) == sorted(ids)
    assert isinstance(deltas[-1], Done)
    assert deltas[-1].counts[State.HOLD] == 1500


def test_the_child_ends_with_its_input(spool: tuple[Path, SpoolFeed]) -> None:
    _, feed = spool
    list(feed.scan())
    assert feed._child is not None
    process = feed._child._process
    feed.close()
    assert process.returncode is not None


def test_a_spool_that_is_not_there(tmp_path: Path) -> None:
    feed = SpoolFeed(LocalHost(), str(tmp_path / "none"), "", 1)
    with pytest.raises(HostError, match="none: No such file or directory"):
        list(feed.scan())


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("print('Welcome to server 5')", HostError, "something else than expected.*Welcome to server 5"),
        ("print('[\"rows\"]')", HostError, "something else"),
        ("print('[\"explode\", 1]')", HostError, "something else"),
        ("import sys; sys.exit('sudo: a password is required')", HostError, "a password is required"),
        ("import os; os.kill(os.getpid(), 9)", HostError, "unexpectedly"),
        ("import os; os.close(1); os.close(2); input()", HostError, "unexpectedly"),
        ("while 1: print('x' * 500, end='')", HostError, "without end"),
        ("print('[\"rows\", 5]')", HostError, "something else"),
        ("print('[\"done\", 1, 1, []]')", HostError, "something else"),
        ("print('[' * 100000)", HostError, "something else"),
        ("print('\\x1b]0;evil\\x07')", HostError, "^[^\\x1b\\x07]*$"),
    ],
)
def test_a_child_that_misbehaves_is_an_error_in_words_and_never_a_hang(
    monkeypatch: pytest.MonkeyPatch, program: str, error: type[HostError], words: str
) -> None:
    monkeypatch.setattr(feed_module, "LINE_LIMIT", 200_000)
    monkeypatch.setattr(feed_module, "_GRACE", 0.2)
    feed, host = spool_feed(program)
    with pytest.raises(error, match=words):
        list(feed.scan())
    assert host.children[0].poll() is not None


def test_a_child_that_says_nothing_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PATIENCE", 0.1)
    monkeypatch.setattr(feed_module, "_BEAT", 0.05)
    feed, host = spool_feed("input(); input()")
    with pytest.raises(TimedOut, match="said nothing"):
        list(feed.scan())
    assert host.children[0].poll() is not None


def test_a_warning_of_a_child_that_works_is_a_problem_not_an_end() -> None:
    feed, _ = spool_feed(
        f"import sys, time; sys.stderr.write('careful'); sys.stderr.flush()\n"
        f"time.sleep(.1); print('{DONE}', flush=True); input(); input()"
    )
    deltas = list(feed.scan())
    assert deltas[0] == Problem("", "careful")
    assert isinstance(deltas[-1], Done)
    feed.close()


def test_a_scan_that_was_left_half_way_starts_anew() -> None:
    feed, host = spool_feed(f"input()\nprint('[\"gone\", []]\\n{DONE}', flush=True)\ninput()")
    for _ in feed.scan():
        break
    assert [type(delta) for delta in feed.scan()] == [Gone, Done]
    assert len(host.children) == 2
    assert host.children[0].poll() is not None
    feed.close()


def test_closing_ends_a_scan_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, host = spool_feed("input()\ninput()")
    caught: list[HostError] = []

    def scan() -> None:
        try:
            list(feed.scan())
        except HostError as error:
            caught.append(error)

    thread = threading.Thread(target=scan)
    thread.start()
    while not host.children:
        pass
    feed.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(caught) == 1


# --- postqueue ---------------------------------------------------------------------------------------------


def entry(id: str, state: str = "deferred", **more: Any) -> dict[str, Any]:
    return {
        "queue_name": state,
        "queue_id": id,
        "arrival_time": 1700000000,
        "message_size": 300,
        "forced_expire": False,
        "sender": "MAILER-DAEMON",
        "recipients": [{"address": "a\u2028b@x.test", "delay_reason": "no\u2028route"}],
        **more,
    }


def listing(*entries: dict[str, Any]) -> str:
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    return f"import sys; sys.stdout.buffer.write({text.encode('utf-8')!r})"


def test_postqueue_lines_become_rows() -> None:
    host = Puppet(listing(entry("4F8A1C0D2E")))
    deltas = list(PostqueueFeed(host, "/etc/postfix-out").scan())
    assert host.asked == [["postqueue", "-c", "/etc/postfix-out", "-j"]]
    [row] = rows_of(deltas)
    message = Message.from_row(row)
    assert (message.id, message.state, message.sender) == ("4F8A1C0D2E", State.DEFERRED, "")
    assert (message.arrival, message.size, message.retry) == (1700000000, 300, 0)
    assert [(r.address, r.reason) for r in message.recipients] == [("a\u2028b@x.test", "no\u2028route")]
    assert isinstance(deltas[-1], Done)
    assert deltas[-1].counts[State.DEFERRED] == 1


def test_postqueue_of_newer_postfix_tells_what_bounced_and_the_first_address() -> None:
    recipients = [
        {"orig_address": "alias@x.test", "address": "b@x.test", "bounce_reason": "no such user"},
        {"orig_address": "c@x.test", "address": "c@x.test"},
    ]
    host = Puppet(listing(entry("4F8A1C0D2E", recipients=recipients)))
    message = Message.from_row(rows_of(list(PostqueueFeed(host).scan()))[0])
    assert [(r.address, r.reason, r.done, r.original) for r in message.recipients] == [
        ("b@x.test", "no such user", True, "alias@x.test"),
        ("c@x.test", "", False, ""),
    ]


def test_postqueue_tells_only_what_has_changed_and_what_is_gone_for_sure() -> None:
    host = Puppet(listing(entry("AAAAA1"), entry("BBBBB2"), entry("CCCCC3", "active")))
    feed = PostqueueFeed(host)
    assert len(rows_of(list(feed.scan()))) == 3
    host.program = listing(entry("AAAAA1"), entry("CCCCC3", "deferred"), entry("CCCCC3", "hold"))
    deltas = list(feed.scan())
    # It was seen twice while it moved: the later place counts.
    assert rows_of(deltas)[-1][:2] == ["CCCCC3", "hold"]
    assert not [delta for delta in deltas if isinstance(delta, Gone)], "it may have moved behind the listing"
    assert isinstance(deltas[-1], Done)
    assert (deltas[-1].counts[State.HOLD], deltas[-1].counts[State.DEFERRED]) == (1, 1)
    host.program = listing(entry("AAAAA1"), entry("CCCCC3", "hold"))
    deltas = list(feed.scan())
    assert ([delta for delta in deltas if isinstance(delta, Gone)], rows_of(deltas)) == (
        [Gone(["BBBBB2"])],
        [],
    )
    host.program = listing(entry("BBBBB2"))
    assert [row[0] for row in rows_of(list(feed.scan()))] == ["BBBBB2"]


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        (
            "import sys; sys.exit('postqueue: fatal: User x(1) is not allowed to view the mail queue')",
            NotPermitted,
            "authorized_mailq_users",
        ),
        ("print('Mail queue is empty')", HostError, "something else than a queue.*Mail queue is empty"),
        ("print('[1]')", HostError, "something else"),
        ("print('{}')", HostError, "something else"),
        (listing(entry("4F8A1C0D2E", "kitchen")), HostError, "something else"),
        ("import sys; sys.exit(1)", HostError, "not a word"),
    ],
)
def test_postqueue_that_fails(program: str, error: type[HostError], words: str) -> None:
    with pytest.raises(error, match=words):
        list(PostqueueFeed(Puppet(program)).scan())


def test_postqueue_without_a_mail_system_still_lists_and_says_so() -> None:
    host = Puppet(
        "import sys; print('Mail system is down -- accessing queue directly', file=sys.stderr)\n"
        + listing(entry("4F8A1C0D2E"))
    )
    deltas = list(PostqueueFeed(host).scan())
    assert len(rows_of(deltas)) == 1
    assert [delta.text for delta in deltas if isinstance(delta, Problem)] == [
        "Mail system is down -- accessing queue directly"
    ]

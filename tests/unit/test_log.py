"""The story of a message from the mail log: every format of line, hostile ones too, requeues followed."""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.host import Completed, HostError, Missing, NotPermitted
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix import log as mail_log
from mtatui.queue.log import Event, Kind, family, parse, timeline, words

NOW = time.mktime((2026, 11, 22, 16, 0, 0, 0, 0, -1))
DEFERRED = (
    "39B8DA804F9: to=<r7766@shop34.test>, orig_to=<sales>, relay=mx.shop34.test[198.51.100.7]:25, delay=30, "
    "delays=0.1/0/30/0, dsn=4.4.1, status=deferred (connect to mx.shop34.test[198.51.100.7]:25: no (yet))"
)
STORY = """\
Nov 22 07:12:01 mx1 postfix/smtpd[9]: 39B8DA804F9: client=h12.isp.test[203.0.113.12], sasl_username=user324
Nov 22 07:12:01 mx1 postfix/cleanup[10]: 39B8DA804F9: message-id=<1@uni5.test>
Nov 22 07:12:02 mx1 postfix/qmgr[2]: 39B8DA804F9: from=<user324@uni5.test>, size=12000, nrcpt=1 (queue active)
Nov 22 07:12:32 mx1 postfix/smtp[11]: {deferred}
Nov 22 08:00:00 mx1 postfix/postsuper[12]: 39B8DA804F9: requeued
Nov 22 08:00:01 mx1 postfix/pickup[13]: 4C0FFEE0001: uid=106 from=<user324@uni5.test> orig_id=39B8DA804F9
Nov 22 08:00:02 mx1 postfix/smtp[11]: 4C0FFEE0001: to=<r7766@shop34.test>, relay=127.0.0.1[127.0.0.1]:10024, \
delay=0.5, delays=0.1/0/0/0.4, dsn=2.0.0, status=sent (250 2.0.0 from MTA: 250 Ok: queued as 5BEEF000002)
Nov 22 08:00:02 mx1 postfix/qmgr[2]: 4C0FFEE0001: removed
Nov 22 08:00:03 mx1 postfix/smtp[14]: 5BEEF000002: to=<r7766@shop34.test>, relay=mx.s34.test[198.51.100.7], \
conn_use=2, delay=0.1, delays=0/0/0/0.1, dsn=5.1.1, status=bounced (host said: 550 no such user)
Nov 22 08:00:03 mx1 postfix/bounce[15]: 5BEEF000002: sender non-delivery notification: 6ACE0000003
Nov 22 08:00:03 mx1 postfix/qmgr[2]: 7777700000A: from=<other@x.test>, size=1, nrcpt=1 (queue active)
Nov 22 08:00:04 mx1 postfix/qmgr[2]: 5BEEF000002: removed
""".replace("{deferred}", DEFERRED)


def read(line: str) -> Event:
    event = parse(line, now=NOW)
    assert event is not None
    return event


def test_a_delivery_attempt_is_taken_apart() -> None:
    event = read(f"Nov 22 07:12:32 mx1 postfix/smtp[11]: {DEFERRED}")
    assert event.kind is Kind.DEFERRED
    assert (event.id, event.program, event.recipient) == ("39B8DA804F9", "postfix/smtp", "r7766@shop34.test")
    assert (event.relay, event.delay, event.status) == ("mx.shop34.test[198.51.100.7]:25", "30", "4.4.1")
    assert event.text == "connect to mx.shop34.test[198.51.100.7]:25: no (yet)"
    assert words(event) == (
        "deferred  r7766@shop34.test  by mx.shop34.test[198.51.100.7]:25  (4.4.1, after 30 s)  "
        "connect to mx.shop34.test[198.51.100.7]:25: no (yet)"
    )


@pytest.mark.parametrize(
    "head",
    [
        "2026-11-22T07:12:32.5+00:00 mx1 postfix/smtp[11]:",
        "2026-11-22T07:12:32.500Z mx1 postfix/smtp[11]:",
        "2026-11-22T08:12:32,5+0100 mx1 postfix/smtp[11]:",
        "<22>1 2026-11-22T07:12:32.5Z mx1 postfix/smtp 11 - -",
        '<22>1 2026-11-22T07:12:32.5Z mx1 postfix/smtp 11 - [meta sequenceId="1"]',
    ],
)
def test_every_format_of_time_and_head(head: str) -> None:
    event = read(f"{head} {DEFERRED}")
    assert event.at == calendar.timegm((2026, 11, 22, 7, 12, 32)) + 0.5
    assert (event.program, event.recipient) == ("postfix/smtp", "r7766@shop34.test")


def test_times_without_a_year_belong_to_the_past() -> None:
    def moment(text: str) -> time.struct_time:
        return time.localtime(read(f"{text} mx1 postfix/qmgr[1]: 39B8DA804F9: removed").at)

    assert moment("Nov 22 07:12:32")[:6] == (2026, 11, 22, 7, 12, 32)
    assert moment("Dec  3 07:12:32")[:6] == (2025, 12, 3, 7, 12, 32)
    assert read("Feb 30 07:12:32 mx1 postfix/qmgr[1]: 39B8DA804F9: removed").at == 0.0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("client=unknown[203.0.113.1]", Kind.ARRIVED),
        ("from=<x@y>, size=5, nrcpt=1 (queue active)", Kind.QUEUED),
        ("from=<x@y>, status=expired, returned to sender", Kind.EXPIRED),
        ("from=<x@y>, status=force-expired, returned to sender", Kind.EXPIRED),
        ("placed on hold", Kind.HELD),
        ("hold: header Subject: x from a[1.2.3.4]; from=<x>", Kind.HELD),
        ("released from hold", Kind.RELEASED),
        ("removed", Kind.REMOVED),
        ("requeued", Kind.REQUEUED),
        ("milter-reject: END-OF-MESSAGE from x[1.2.3.4]: 5.7.1", Kind.PROBLEM),
        ("DKIM-Signature field added (s=x, d=y)", Kind.NOTE),
    ],
)
def test_what_the_daemons_say(text: str, kind: Kind) -> None:
    event = read(f"Nov 22 07:12:32 mx1 postfix/x[1]: 39B8DA804F9: {text}")
    assert (event.kind, event.text) == (kind, text)


def test_warnings_about_a_message_are_problems_and_other_lines_are_none() -> None:
    head = "Nov 22 07:12:32 mx1 postfix-out/smtpd[1]: "
    assert read(head + "warning: 3Zq8TJ4kq5z1B: queue file size limit exceeded").kind is Kind.PROBLEM
    assert parse(head + "NOQUEUE: reject: RCPT from x", now=NOW) is None
    assert parse(head + "connect from x[1.2.3.4]", now=NOW) is None
    assert parse("", now=NOW) is None


def test_a_content_filter_ties_two_ids() -> None:
    event = read(
        "Nov 22 08:00:02 mx1 amavis[7]: (00007-01) Passed CLEAN {RelayedInbound}, <a@b.test> -> "
        "<c@d.test>, Queue-ID: 4C0FFEE0001, mail_id: x, Hits: -, size: 500, queued_as: 5BEEF000002, 321 ms"
    )
    assert (event.id, event.related, event.program) == ("4C0FFEE0001", "5BEEF000002", "amavis")


def test_the_timeline_follows_requeue_filter_and_bounce() -> None:
    lines = [*STORY.splitlines()[8:], *STORY.splitlines()[:8]]
    for id in ("39B8DA804F9", "5BEEF000002"):
        story = timeline(lines, id, now=NOW)
        assert [e.kind for e in story if e.kind is not Kind.NOTE] == [
            *(Kind.ARRIVED, Kind.QUEUED, Kind.DEFERRED, Kind.REQUEUED, Kind.ARRIVED),
            *(Kind.SENT, Kind.REMOVED, Kind.BOUNCED, Kind.RETURNED, Kind.REMOVED),
        ]
        assert "7777700000A" not in {e.id for e in story}
    events = [read(line) for line in STORY.splitlines()]
    assert family(events, "39B8DA804F9") == {"39B8DA804F9", "4C0FFEE0001", "5BEEF000002", "6ACE0000003"}


def test_an_id_that_was_used_before_tells_only_its_last_story() -> None:
    lines = [
        "Nov 20 07:12:01 mx1 postfix/smtpd[9]: 39B8DA804F9: client=old[203.0.113.1]",
        "Nov 20 07:12:02 mx1 postfix/qmgr[9]: 39B8DA804F9: removed",
        "Nov 22 07:12:01 mx1 postfix/smtpd[9]: 39B8DA804F9: client=new[203.0.113.2]",
        "Nov 22 07:12:02 mx1 postfix/postsuper[9]: 39B8DA804F9: removed",
        "Nov 22 07:12:03 mx1 postfix/postsuper[9]: 39B8DA804F9: released from hold",
    ]
    assert [e.text for e in timeline(lines, "39B8DA804F9", now=NOW)] == [
        "client=new[203.0.113.2]",
        "removed",
        "released from hold",
    ]


@given(st.text())
def test_no_line_raises_and_no_control_gets_through(junk: str) -> None:
    head = "Nov 22 07:12:32 mx1 postfix/smtp[1]: 39B8DA804F9: "
    for line in (
        junk,
        head + junk,
        head + f"to=<{junk}>, relay={junk}, delay=1, delays=1, dsn=4.0.0, status=x (y)",
    ):
        event = parse(line, now=NOW)
        if event:
            shown = words(event) + event.program + event.id + event.relay
            assert all(c.isprintable() for c in shown)


@given(
    st.text(st.characters(exclude_categories=["C", "Z", "M", "L"]) | st.just("a"), min_size=1, max_size=30)
)
def test_any_recipient_reads_back(address: str) -> None:
    line = f"Nov 22 07:12:32 mx1 postfix/smtp[1]: 39B8DA804F9: to=<{address}>, relay=none, "
    event = read(line + "delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (why)")
    assert event.kind is Kind.DEFERRED
    assert event.text == "why"


# --- finding the log ---


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    older, newer = STORY.splitlines()[:5], STORY.splitlines()[5:]
    (tmp_path / "mail.log.1").write_text("\n".join(older) + "\n")
    (tmp_path / "mail.log").write_bytes("\n".join(newer).encode() + b"\n\xff\x00 39B8DA804F9 binary\n")
    return tmp_path / "mail.log"


async def test_lines_come_from_both_files_and_every_id(logs: Path) -> None:
    found = await mail_log.lines(LocalHost(), "39B8DA804F9", str(logs))
    assert [e.id for e in timeline(found, "39B8DA804F9", now=NOW)] == [
        e.id for e in map(read, STORY.splitlines()) if e.id != "7777700000A"
    ]


async def test_an_id_inside_another_is_not_found(logs: Path) -> None:
    assert await mail_log.lines(LocalHost(), "39B8D", str(logs)) == []


async def test_a_missing_rotated_file_is_no_trouble(logs: Path) -> None:
    logs.with_suffix(".log.1").unlink()
    assert len(await mail_log.lines(LocalHost(), "4C0FFEE0001", str(logs))) > 3


async def test_what_is_no_id_is_refused() -> None:
    for bad in ("-e", "A;B", "../x", "ABC", ""):
        with pytest.raises(HostError, match="no queue ID"):
            await mail_log.lines(LocalHost(), bad)


async def test_no_log_at_all_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"No mail log.*maillog_file"):
        await mail_log.lines(LocalHost(), "39B8DA804F9", str(tmp_path / "none.log"))


class Answers(LocalHost):
    """Stands in for a machine with other logs than this one."""

    def __init__(self, answers: dict[str, Completed], can: bool) -> None:
        super().__init__("mx1")
        self.answers, self._can = answers, can
        self.asked: list[Sequence[str]] = []

    def can(self, command: str) -> bool:
        return self._can

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        self.asked.append(argv)
        return self.answers[argv[0]]


def said(stdout: bytes, stderr: bytes, code: int) -> Completed:
    return Completed((), code, stdout, stderr, 0.0)


NOWHERE = said(b"", "".join(f"grep: {f}: No such file or directory\n" for f in mail_log.FILES).encode(), 2)
DENIED = said(
    b"", NOWHERE.stderr.replace(b"mail.log: No such file or directory", b"mail.log: Permission denied"), 2
)


async def test_the_journal_is_asked_where_there_is_no_file() -> None:
    line = b"2026-11-22T07:12:01+0000 mx1 postfix/qmgr[1]: 39B8DA804F9: removed\n"
    host = Answers({"grep": NOWHERE, "journalctl": said(line, b"", 0)}, can=True)
    assert await mail_log.lines(host, "39B8DA804F9") == [line.decode().strip()]
    assert any("39B8DA804F9" in word for word in host.asked[-1])


async def test_a_log_that_may_not_be_read_is_said_in_words() -> None:
    host = Answers({"grep": DENIED, "journalctl": said(b"", b"No journal files were found.", 1)}, can=True)
    with pytest.raises(NotPermitted, match=r"/var/log/mail\.log may not be read"):
        await mail_log.lines(host, "39B8DA804F9")
    with pytest.raises(Missing, match="No mail log on mx1"):
        await mail_log.lines(Answers({"grep": NOWHERE}, can=False), "39B8DA804F9")

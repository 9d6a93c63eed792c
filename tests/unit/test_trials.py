"""What checks on trial would have refused, read from the mail log."""

from __future__ import annotations

import pytest

from mtatui.backends.postfix import trials
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Restriction

NOW = 1795360800.0  # Sunday 22 November 2026, 15:20:00 UTC

_TAIL = "from=<a@b.test> to=<c@d.test> proto=ESMTP helo=<x>"


def line(reply: str, at: str = "2026-11-22T15:02:11.123456+00:00", id: str = "NOQUEUE") -> str:
    return (
        f"{at} mx1 postfix/smtpd[123]: {id}: reject_warning: RCPT from h.test[203.0.113.9]: {reply}; {_TAIL}"
    )


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (
            "450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.9]",
            "inbound.reject_unknown_client_hostname",
        ),
        (
            "450 4.7.25 Client host rejected: cannot find your reverse hostname, [203.0.113.9]",
            "inbound.reject_unknown_reverse_client_hostname",
        ),
        (
            "450 4.1.8 <a@b.test>: Sender address rejected: Domain not found",
            "inbound.reject_unknown_sender_domain",
        ),
        (
            "553 5.7.1 <a@b.test>: Sender address rejected: not logged in",
            "inbound.reject_sender_login_mismatch",
        ),
        (
            "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.test; see https://bl.test",
            "bl.test",
        ),
    ],
)
def test_a_line_is_counted_for_the_check_that_wrote_it(reply: str, name: str) -> None:
    assert list(trials.count([line(reply)], now=NOW)) == [name]


def test_every_check_of_the_catalogue_is_known_by_its_own_words_alone() -> None:
    for key, setting in ALL.items():
        if isinstance(setting.kind, Restriction) and setting.reply:
            assert list(trials.count([line(setting.reply)], now=NOW)) == [key]


def test_how_often_since_when_and_when_last() -> None:
    reply = "450 4.1.8 <a@b.test>: Sender address rejected: Domain not found"
    found = trials.count(
        [
            line(reply, "Nov  3 06:25:01", "4ABC12345"),
            line(reply),
            "Nov 22 15:03:00 mx1 postfix/smtpd[1]: connect from reject_warning: 450",
            line(reply).replace("reject_warning", "reject"),
        ],
        now=NOW,
    )["inbound.reject_unknown_sender_domain"]
    assert found.number == 2
    assert str(found).startswith("2 would have been refused since 3 Nov ")
    assert ", the last 22 Nov " in str(found)


def test_text_of_strangers_counts_for_nothing() -> None:
    hostile = '450 4.1.8 <"[x] blocked using evil.test"@x>: Sender address rejected: Domain not found'
    assert "evil.test" not in trials.count([line(hostile)], now=NOW)

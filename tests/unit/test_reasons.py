"""Causes of replies as mail servers really send them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.queue import causes
from mtatui.queue.reasons import cause


def said(reply: str, during: str = "RCPT TO") -> str:
    return f"host mx1.isp.test[198.51.100.7] said: {reply} (in reply to {during} command)"


def replies() -> list[list[str]]:
    """Cause, status and text of each recorded reply."""
    lines = (Path(__file__).parent / "data" / "replies.tsv").read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("label", "status", "text"), replies())
def test_the_cause_of_a_reply(label: str, status: str, text: str) -> None:
    assert cause(text, status) == label


def test_there_are_many_replies() -> None:
    assert len(replies()) > 80


def test_no_reply_has_no_cause() -> None:
    assert cause("", "") == ""


def test_an_unknown_reply_keeps_its_words_but_not_its_names() -> None:
    one = said("450 4.9.9 <ann@isp.test>: purple weather at mx7.isp.test [198.51.100.9], ask id 4Zx1 now")
    two = said("450 4.9.9 <bob@isp.test>: purple weather at mx8.isp.test [203.0.113.77], ask id 9Qq7 now")
    assert cause(one, "4.9.9") == cause(two, "4.9.9") == "purple weather at ask id now"


def test_an_unknown_reply_is_cut_between_words() -> None:
    label = cause("strange " * 40, "")
    assert label == " ".join(["strange"] * 6) + "…"


_hosts = st.from_regex(
    r"(greylist|tls|spam|mailboxfull|timeout|mx[0-9])(\.quota|\.virus)?\.[a-z]{2,6}", fullmatch=True
)
_ips = st.ip_addresses().map(str)
_users = st.sampled_from(["spam", "user unknown", "greylisted", "bob", "dkim"])


@given(_hosts, _ips, _users, st.integers(0, 10**12))
def test_names_do_not_change_the_cause(host: str, ip: str, user: str, number: int) -> None:
    assert cause(f"connect to {host}[{ip}]:25: Connection refused", "4.4.1") == causes.REFUSED
    assert cause(f"lost connection with {host}[{ip}] while sending RCPT TO", "4.4.2") == causes.LOST
    assert (
        cause(f"conversation with {host}[{ip}] timed out while sending MAIL FROM", "4.4.2") == causes.TIMEOUT
    )
    assert cause(f"mail for {host} loops back to myself", "5.4.6") == causes.LOOP
    reply = f"host {host}[{ip}] said: 450 4.7.1 <{user}@{host}>: too many connections, {number:x}"
    assert cause(f"{reply} (in reply to RCPT TO command)", "4.7.1") == causes.CONNECTIONS
    missing = f"Name service error for name={host} type=MX: Host not found, try again"
    assert cause(f"Host or domain name not found. {missing}", "4.4.3") == causes.DNS


@given(st.text(max_size=200), st.sampled_from(["", "4.0.0", "4.7.1", "5.1.1", "x"]))
def test_any_text_has_a_short_cause(text: str, status: str) -> None:
    label = cause(text, status)
    assert bool(label) == bool(text)
    assert len(label) <= 49
    assert label.isprintable()

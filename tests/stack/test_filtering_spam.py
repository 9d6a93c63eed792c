"""The page's antispam, by what becomes of mail: levels, destinies, the prefix, outgoing mail, DKIM."""

from __future__ import annotations

from collections.abc import Iterator
from email.header import decode_header, make_header

import pytest

from mtatui.settings.kinds import Refused
from tests.stack.filtering import Filtering, Post, Signer, outgoing
from tests.stack.machine import GTUBE, INSIDE, Machine, letter

pytestmark = [pytest.mark.stack, pytest.mark.daemons]


@pytest.fixture(scope="module")
def page() -> Iterator[Filtering]:
    """A machine as Debian ships it: amavis looks neither for spam nor for viruses."""
    with Machine(checks=False) as machine:
        yield Filtering(machine)


def test_as_debian_ships_it_nothing_is_checked_and_the_page_says_so(page: Filtering) -> None:
    assert page.send({"spam": letter("gift", GTUBE)})["spam"].subject == "gift"
    assert page.value("antivirus") == "off"
    assert page.value("spam_tag_percent") == "31.55%"
    assert page.value("spam_subject_tag") == "***SPAM***"
    assert page.value("verify_dkim") == "off"
    assert page.value("always_signed_domains") == ""
    assert any("spam" in finding.text for finding in page.read().findings)


def test_marked_and_stopped_at_exactly_the_levels(page: Filtering) -> None:
    page.set(
        spam_tag_percent="33%", spam_kill_percent="medium", spam_destiny="discard", spam_subject_tag="[JUNK]"
    )
    assert page.value("spam_kill_percent") == "75%"
    fates = page.send(
        {
            "clean": letter("one"),
            "below tag": letter("two", points=6.59),
            "at tag": letter("three", points=6.6),
            "below kill": letter("four", points=14.99),
            "at kill": letter("five", points=15),
            "gtube": letter("six", GTUBE),
        }
    )
    assert {name: fate.subject for name, fate in fates.items()} == {
        "clean": "one",
        "below tag": "two",
        "at tag": "[JUNK] three",
        "below kill": "[JUNK] four",
        "at kill": "",
        "gtube": "",
    }
    assert [fate.told for fate in fates.values()] == [""] * 6
    marked = {name for name, fate in fates.items() if fate.arrived and fate.arrived["X-Spam-Flag"] == "YES"}
    assert marked == {"at tag", "below kill"}
    page.set(spam_tag_percent="6.31p", spam_kill_percent="high")
    fates = page.send(
        {
            "below tag": letter("a", points=6.3),
            "at tag": letter("b", points=6.31),
            "below kill": letter("c", points=13.19),
            "at kill": letter("d", points=13.2),
        }
    )
    assert [fate.subject for fate in fates.values()] == ["a", "[JUNK] b", "[JUNK] c", ""]


def test_spam_passes_is_refused_or_bounces_as_the_page_says(page: Filtering) -> None:
    """And the prefix is put there letter by letter, or not at all."""
    nasty = r"""'; unlink '/etc/postfix/main.cf'; #\' $mydomain @ARGV %ENV "q" \x41 `id` {}"""
    posts = {
        "marked": letter("gift", points=10),
        "spam": letter("gift", points=16),
        "much": letter("gift", GTUBE),
        "clean": letter("hello"),
    }
    seen = {}
    for destiny, prefix in (("pass", ""), ("reject", nasty), ("bounce", "[Grüße]")):
        page.set(spam_destiny=destiny, spam_subject_tag=prefix)
        fates = page.send(posts)
        marked = fates.pop("marked").arrived
        assert marked is not None
        assert marked["X-Spam-Flag"] == "YES"
        assert str(make_header(decode_header(marked["Subject"]))) == f"{prefix} gift".strip()
        seen[destiny] = [(bool(fate.arrived), fate.told) for fate in fates.values()]
    assert seen == {
        "pass": [(True, ""), (True, ""), (True, "")],
        "reject": [(False, "sender"), (False, "sender"), (True, "")],
        # From a third more than the level on, nobody is told.
        "bounce": [(False, "sender"), (False, ""), (True, "")],
    }


@pytest.mark.parametrize("prefix", ["a\nb", "a\0b", "a\x1bb"])
def test_a_prefix_of_more_lines_or_with_controls_is_refused(page: Filtering, prefix: str) -> None:
    with pytest.raises(Refused):
        page.plan(spam_subject_tag=prefix)


def test_outgoing_mail_is_checked_or_not(page: Filtering) -> None:
    spam: dict[str, bytes | Post] = {
        "out": outgoing(letter("gift", points=16)),
        "clean": outgoing(letter("hello")),
        "in": letter("gift", points=16),
        "between us": Post(letter("gift", points=16), INSIDE, "example.test"),
    }
    page.set(check_outgoing="no", spam_destiny="discard")
    assert [bool(fate.arrived) for fate in page.send(spam).values()] == [True, True, False, True]
    page.set(check_outgoing="yes")
    assert [bool(fate.arrived) for fate in page.send(spam).values()] == [False, True, False, False]


def test_domains_that_always_sign(page: Filtering) -> None:
    bank, other = Signer(page.machine, "bank.test"), Signer(page.machine, "other.test")
    signed = bank.letter("statement")
    posts = {
        "signed": signed,
        "tampered": signed.replace(b"How are you", b"Send us your"),
        "unsigned": letter("statement", From="desk@bank.test"),
        "below": letter("statement", From="desk@mail.bank.test"),
        "other, signed": other.letter("news"),
        "other, unsigned": letter("news", From="desk@other.test"),
    }
    page.set(verify_dkim="yes")
    fates = page.send(posts)
    assert all(fate.arrived for fate in fates.values())
    verdicts = {name: fate.arrived["Authentication-Results"] for name, fate in fates.items() if fate.arrived}
    assert "dkim=pass" in verdicts["signed"]
    assert "dkim=fail" in verdicts["tampered"]
    assert "dkim=pass" in verdicts["other, signed"]
    page.set(always_signed_domains="bank.test")
    arrived = {name for name, fate in page.send(posts).items() if fate.arrived}
    assert arrived == {"signed", "below", "other, signed", "other, unsigned"}
    page.set(always_signed_domains="bank.test *.bank.test other.test")
    arrived = {name for name, fate in page.send(posts).items() if fate.arrived}
    assert arrived == {"signed", "other, signed"}

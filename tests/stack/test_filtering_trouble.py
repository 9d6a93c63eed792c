"""The page where amavis does not bear its new settings, and where its configuration is one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtatui.backends.applying import Ending
from tests.stack.filtering import Filtering, told
from tests.stack.machine import GTUBE, Machine, letter

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

LATE = """\
use strict;
# anna: who comes after everybody has the last word
die 'the moon stands wrong' if $sa_kill_level_deflt > 17 && "@ARGV" !~ /(?:{unless})$/;
1;
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Filtering]:
    with Machine() as machine:
        page = Filtering(machine)
        page.set(spam_kill_percent="75%", spam_destiny="discard")
        yield page


@pytest.mark.parametrize(
    ("unless", "ending", "words"),
    [
        ("nothing", Ending.REFUSED, "the moon stands wrong"),
        ("test-config", Ending.ROLLED_BACK, "the moon stands wrong"),
        # It looks at its files only after it was told to read them, and goes on with what it had.
        ("test-config|reload", Ending.ROLLED_BACK, "Rejecting reload"),
    ],
)
def test_what_amavis_does_not_bear_is_taken_back_with_its_own_words(
    page: Filtering, unless: str, ending: Ending, words: str
) -> None:
    machine = page.machine
    machine.path("/etc/amavis/conf.d/zzz-late").write_text(LATE.format(unless=unless))
    page.changed_by_hand()
    before = files(machine)
    applied = page.try_to_set(spam_kill_percent="90%")
    assert applied.outcome is ending, told(applied)
    assert words in applied.text
    assert files(machine) == before
    assert machine.answers("amavis")
    assert page.value("spam_kill_percent") == "75%"
    fates = page.send(
        {"spam": letter("gift", GTUBE), "more": letter("gift", points=14), "hello": letter("hi")}
    )
    assert [bool(fate.arrived) for fate in fates.values()] == [False, True, True]


def test_one_file_instead_of_a_directory() -> None:
    with Machine(one_file=True) as machine:
        page = Filtering(machine)
        before = machine.path("/etc/amavisd/amavisd.conf").read_text()
        page.set(
            spam_subject_tag="[JUNK]", spam_tag_percent="20%", spam_kill_percent="75%", spam_destiny="discard"
        )
        after = machine.path("/etc/amavisd/amavisd.conf").read_text()
        [added] = [line for line in after.splitlines() if line not in before.splitlines()]
        assert "mtatui.conf" in added
        fates = page.send(
            {"tag": letter("a", points=4), "below": letter("b", points=3.99), "kill": letter("c", points=15)}
        )
        assert [fate.subject for fate in fates.values()] == ["[JUNK] a", "b", ""]
        assert page.undo().ok
        assert machine.path("/etc/amavisd/amavisd.conf").read_text() == before


def files(machine: Machine) -> dict[str, bytes]:
    """What is in amavis's and SpamAssassin's directories."""
    found = {}
    for directory in ("/etc/amavis/conf.d", "/etc/spamassassin", "/etc/postfix"):
        for path in machine.path(directory).iterdir():
            if path.is_file():
                found[f"{directory}/{path.name}"] = path.read_bytes()
    return found

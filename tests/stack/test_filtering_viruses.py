"""The page's antivirus and blocked attachments, by what becomes of mail and who is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.filtering import Filtering, encrypted_zip, outgoing
from tests.stack.machine import EICAR, Machine, letter

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

VIRUS = letter("a file", attach=[("a.txt", EICAR)])
LOCKED = letter("a letter", attach=[("a.zip", encrypted_zip("a.txt", b"hello there"))])


@pytest.fixture(scope="module")
def page() -> Iterator[Filtering]:
    """A machine as Debian ships it: no virus is looked for."""
    with Machine(checks=False) as machine:
        yield Filtering(machine)


def test_viruses_are_stopped_when_that_is_switched_on(page: Filtering) -> None:
    assert page.send({"virus": VIRUS})["virus"].arrived
    page.set(antivirus="yes")
    fates = page.send({"virus": VIRUS, "out": outgoing(VIRUS), "clean": letter("hello")})
    assert [bool(fate.arrived) for fate in fates.values()] == [False, False, True]
    assert fates["virus"].told == "admin"
    page.set(antivirus="no")
    assert page.send({"virus": VIRUS})["virus"].arrived
    assert page.undo().ok
    assert not page.send({"virus": VIRUS})["virus"].arrived


@pytest.mark.parametrize(
    ("destiny", "recipient", "admin", "told"),
    [
        ("pass", "no", "no", ""),
        ("reject", "yes", "no", "recipient sender"),
        ("bounce", "no", "yes", "sender admin"),
        ("discard", "yes", "yes", "recipient admin"),
    ],
)
def test_what_happens_to_a_virus_and_who_is_told(
    page: Filtering, destiny: str, recipient: str, admin: str, told: str
) -> None:
    page.admin = f"a.n'other+{{{destiny}}}$y@example.test"
    page.set(
        virus_destiny=destiny,
        warn_virus_recipient=recipient,
        warn_virus_admin=admin,
        admin_address=page.admin,
    )
    fates = page.send({"virus": VIRUS, "clean": letter("hello")})
    assert (bool(fates["virus"].arrived), fates["virus"].told) == (destiny == "pass", told)
    assert (bool(fates["clean"].arrived), fates["clean"].told) == (True, "")


def test_encrypted_archives_are_blocked_or_not(page: Filtering) -> None:
    assert page.send({"locked": LOCKED})["locked"].arrived
    page.set(block_encrypted_archives="yes")
    assert not page.send({"locked": LOCKED})["locked"].arrived
    assert not page.send({"virus": VIRUS})["virus"].arrived


def test_blocked_extensions_and_who_is_told(page: Filtering) -> None:
    posts = {
        "ps1": letter("a", attach=[("Run.PS1", b"dir")]),
        "tar.gz": letter("b", attach=[("b.tar.gz", b"\x1f\x8b")]),
        "gz": letter("c", attach=[("b.txt.gz", b"\x1f\x8b")]),
        "ps1.txt": letter("d", attach=[("run.ps1.txt", b"dir")]),
        # The admin's own list (Debian's) has exe.
        "exe": letter("e", attach=[("e.exe", b"MZ")]),
    }
    assert {name for name, fate in page.send(posts).items() if not fate.arrived} == {"exe"}
    page.set(
        inbound__blocked_extensions="ps1 tar.gz",
        inbound__blocked_extensions_notify_admin="yes",
        inbound__blocked_extensions_notify_recipient="no",
        block_encrypted_archives="no",
    )
    assert page.send({"locked": LOCKED})["locked"].arrived
    fates = page.send(posts)
    assert {name for name, fate in fates.items() if not fate.arrived} == {"exe", "ps1", "tar.gz"}
    assert fates["ps1"].told == "admin"
    page.set(
        inbound__blocked_extensions_notify_admin="no", inbound__blocked_extensions_notify_recipient="yes"
    )
    assert page.send(posts)["ps1"].told == "recipient"
    page.set(inbound__blocked_extensions="", inbound__blocked_extensions_notify_recipient="no")
    fates = page.send(posts)
    assert {name for name, fate in fates.items() if not fate.arrived} == {"exe"}
    assert fates["exe"].told == ""


def test_a_dead_scanner_lets_no_virus_through(page: Filtering) -> None:
    page.machine.kill("clamd")
    assert not page.send({"virus": VIRUS})["virus"].arrived
    # It cannot take its new settings; it will, when it starts.
    assert page.try_to_set(block_encrypted_archives="yes").ok
    page.machine.start("clamav-daemon")
    assert not page.send({"locked": LOCKED})["locked"].arrived

"""Logins by password, to a real sshd: asked for by ssh itself, or by whatever PAM has over there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mtatui.backends.host_ssh import SshHost
from tests.stack.far import Person, number, ours, refusal, tries
from tests.stack.sshd import Sshd

pytestmark = pytest.mark.stack

SECRET = "correct horse"
#: What the one and the other asks, as a person reads it.
ASKS = {
    "password": "root@{host}'s password:",
    "keyboard-interactive": "(root@{host}) Password:",
}


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    """An sshd that takes root's password, which is another one there than on this machine."""
    before = ours()
    with Sshd(password=SECRET) as one:
        yield one
    assert ours() - before == set()


def asks(sshd: Sshd, way: str) -> str:
    return ASKS[way].format(host=f"[127.0.0.1]:{sshd.port}")


def asking(sshd: Sshd, way: str, person: Person | None) -> SshHost:
    """A host where one logs in by nothing else."""
    options: dict[str, Any] = {"PubkeyAuthentication": "no", "PreferredAuthentications": way}
    return sshd.host(way.partition(",")[0], on_prompt=person, **options)


@pytest.mark.parametrize("way", ASKS)
async def test_a_wrong_password_is_asked_for_once_more(sshd: Sshd, way: str) -> None:
    person = Person("battery staple", SECRET)
    host = asking(sshd, way, person)
    assert (await number(host)).stdout == b"0\n"
    assert [(one.server, one.text, one.secret, one.confirm) for one in person.asked] == [
        (way, asks(sshd, way), True, False)
    ] * 2
    assert tries(host) == 1
    host.close()
    said = repr([(entry.argv, entry.note) for entry in host.log.entries])
    assert not any(word in said for word in ("horse", "battery"))


@pytest.mark.parametrize("way", ASKS)
async def test_who_is_refused_is_not_tried_again_before_he_wants_it(sshd: Sshd, way: str) -> None:
    person = Person("battery staple", "battery", SECRET)
    host = asking(sshd, way, person)
    for _ in range(3):
        told = await refusal(host)
        assert told.startswith(f"{way} cannot be reached: it does not let us in.")
    assert (len(person.asked), tries(host)) == (2, 1)
    host.open_again()
    assert (await number(host)).stdout == b"0\n"
    assert (len(person.asked), tries(host)) == (3, 2)
    host.close()


async def test_one_is_asked_for_after_the_other() -> None:
    """As where a code is wanted besides a password."""
    person = Person(SECRET, SECRET)
    with Sshd(password=SECRET, options=["AuthenticationMethods password,keyboard-interactive"]) as sshd:
        host = asking(sshd, "password,keyboard-interactive", person)
        assert (await number(host)).stdout == b"0\n"
        assert [one.text for one in person.asked] == [asks(sshd, way) for way in ASKS]
        host.close()


async def test_nobody_is_asked_where_nobody_can_answer(sshd: Sshd) -> None:
    host = asking(sshd, "password", None)
    assert "it does not let us in" in await refusal(host)
    host.close()

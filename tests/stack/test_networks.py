"""What a real Postfix makes of networks: what mtatui writes matches; what it refuses does harm or nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtatui.settings.kinds import Refused
from mtatui.settings.syntax import network
from tests.stack import smtp
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    """A Postfix whose smtpd reads main.cf anew for every client."""
    with PostfixInstance(max_use="1", smtpd_relay_restrictions="permit_mynetworks, reject") as instance:
        (instance.config / "networks").write_text("192.0.2.0/24\n[2001:db8::]/32\n")
        (instance.config / "networks.cidr").write_text("192.0.2.0/24 ok\n2001:db8::/32 ok\n")
        yield instance


def reply(instance: PostfixInstance, mynetworks: str, client: str) -> str:
    """What a client at this address is told when it wants to relay: "" for yes."""
    instance.configure(mynetworks=mynetworks)
    address = f"IPV6:{client}" if ":" in client else client
    try:
        instance.send("a@client.test", "b@ok.test", xclient={"ADDR": address})
    except smtp.Refused as no:
        return str(no)
    return ""


@pytest.mark.parametrize(
    ("typed", "inside", "outside"),
    [
        ("192.0.2.0/24", "192.0.2.7", "192.0.3.7"),
        ("192.0.2.0/255.255.255.0", "192.0.2.255", "192.0.3.0"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
        ("2001:DB8::/32", "2001:db8:1::1", "2001:db9::1"),
        ("2001:db8:0:0::1", "2001:db8::1", "2001:db8::2"),
        ("[2001:db8::/32]", "2001:db8:1::1", "2001:db9::1"),
        ("[2001:db8::1]/128", "2001:db8::1", "2001:db8::2"),
        ("$config_directory/networks", "192.0.2.7", "192.0.3.7"),
        ("cidr:$config_directory/networks.cidr", "2001:db8:1::1", "192.0.3.7"),
        ("inline:{192.0.2.7=ok, 192.0.2.9=ok}", "192.0.2.9", "192.0.2.8"),
    ],
)
def test_what_is_written_matches(instance: PostfixInstance, typed: str, inside: str, outside: str) -> None:
    written = network(typed)
    assert reply(instance, written, inside) == ""
    assert reply(instance, written, outside).startswith("554 5.7.1")


def test_an_exception_stands_before_its_network(instance: PostfixInstance) -> None:
    written = f"{network('!192.0.2.7')} {network('192.0.2.0/24')}"
    assert reply(instance, written, "192.0.2.8") == ""
    assert reply(instance, written, "192.0.2.7").startswith("554 5.7.1")


@pytest.mark.parametrize(
    ("typed", "client", "told"),
    [
        ("192.0.2.1/24", "192.0.2.1", "451 4.3.0"),
        ("192.0.2.0/33", "192.0.2.1", "451 4.3.0"),
        ("[2001:db8::1]/32", "2001:db8::1", "451 4.3.0"),
        ("hsah:/etc/networks", "192.0.2.1", "451 4.3.0"),
        ("192.0.2.0/24;", "192.0.2.1", "554 5.7.1"),
        ("localhost", "127.0.0.1", "554 5.7.1"),
        ("[fe80::1%eth0]", "fe80::1", "554 5.7.1"),
    ],
)
def test_what_is_refused_does_harm_or_nothing(
    instance: PostfixInstance, typed: str, client: str, told: str
) -> None:
    with pytest.raises(Refused):
        network(typed)
    assert reply(instance, typed, client).startswith(told)


def test_a_bare_ipv6_address_would_be_a_table(instance: PostfixInstance) -> None:
    assert reply(instance, "2001:db8::1", "2001:db8::1").startswith("451 4.3.0")
    assert reply(instance, network("2001:db8::1"), "2001:db8::1") == ""

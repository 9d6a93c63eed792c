"""Which listeners must answer, read off master.cf."""

from __future__ import annotations

import pytest

from mtatui.backends.postfix.probes import probes
from mtatui.settings.plan import Probe
from tests.unit import configured


def listeners(master: str, main: str = "inet_interfaces = all\n") -> list[Probe]:
    return list(probes(configured.source(main, master)))


def service(name: str, command: str = "smtpd", *options: str) -> str:
    return f"{name} inet n - y - - {command}\n" + "".join(f"  -o {option}\n" for option in options)


@pytest.mark.parametrize(
    ("name", "port"),
    [("smtp", 25), ("25", 25), ("submission", 587), ("smtps", 465), ("submissions", 465), ("2525", 2525)],
)
def test_ports_by_name_and_by_number(name: str, port: int) -> None:
    assert [(probe.name, probe.port) for probe in listeners(service(name))] == [(name, port)]


@pytest.mark.parametrize(
    ("interfaces", "protocols", "address"),
    [
        ("all", "all", "127.0.0.1"),
        ("all", "ipv6", "::1"),
        ("loopback-only", "ipv4", "127.0.0.1"),
        ("192.0.2.7, 192.0.2.8", "all", "192.0.2.7"),
        ("$myhostname, localhost", "all", "mail.example.com"),
        ("[2001:db8::7]", "all", "2001:db8::7"),
    ],
)
def test_where_a_service_without_a_host_listens(interfaces: str, protocols: str, address: str) -> None:
    main = f"myhostname = mail.example.com\ninet_interfaces = {interfaces}\ninet_protocols = {protocols}\n"
    assert [probe.address for probe in listeners(service("smtp"), main)] == [address]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("127.0.0.1:10025", "127.0.0.1"),
        ("[::1]:10025", "::1"),
        ("localhost:10025", "localhost"),
        ("0.0.0.0:10025", "127.0.0.1"),
        ("[::]:10025", "::1"),
    ],
)
def test_where_a_service_with_a_host_listens(name: str, address: str) -> None:
    (probe,) = listeners(service(name))
    assert (probe.address, probe.port) == (address, 10025)


def test_tls_from_the_first_byte_is_said_by_the_service_or_for_all() -> None:
    wrapped, plain = listeners(service("smtps", "smtpd", "smtpd_tls_wrappermode=yes") + service("smtp"))
    assert wrapped.tls
    assert not plain.tls
    assert listeners(service("2525"), "smtpd_tls_wrappermode = yes\n")[0].tls


def test_what_does_not_speak_smtp_to_clients_is_left_out() -> None:
    master = (
        service("smtp", "postscreen")
        + "smtpd pass - - y - - smtpd\npickup unix n - y 60 1 pickup\n"
        + service("628", "qmqpd")
        + service("2526", "smtpd", "smtpd_upstream_proxy_protocol=haproxy")
        + service("no-such-port")
    )
    assert [(probe.name, probe.port) for probe in listeners(master)] == [("smtp", 25)]


def test_postscreen_behind_a_proxy_is_left_out() -> None:
    main = "postscreen_upstream_proxy_protocol = haproxy\n"
    assert listeners(service("smtp", "postscreen"), main) == []

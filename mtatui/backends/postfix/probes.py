"""Which listeners must answer after a change: those of master.cf that speak SMTP to clients.

What only Postfix itself talks to, and what speaks another protocol before SMTP (haproxy's), is left out.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

from mtatui.backends.postfix.master_cf import Service
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.plan import Probe

#: Ports by name, where /etc/services of this machine need not be asked (nor be there).
PORTS = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465, "ssmtp": 465}


def probes(reading: PostfixReading) -> tuple[Probe, ...]:
    """The listeners, in the order of master.cf; of one that listens on many addresses one is enough."""
    return tuple(_probes(reading))


def _probes(reading: PostfixReading) -> Iterator[Probe]:
    for service in reading.services("smtpd", "postscreen"):
        endpoint = service.endpoint
        if endpoint is None or _behind_a_proxy(reading, service):
            continue
        host, name = (reading.expanded(word) for word in endpoint)
        port = port_number(name)
        if port is not None:
            yield Probe("smtp", service.name, _address(reading, host), port, _wrapped(reading, service))


def _behind_a_proxy(reading: PostfixReading, service: Service) -> bool:
    name = "postscreen" if service.command == "postscreen" else "smtpd"
    return bool(reading.for_service(service, f"{name}_upstream_proxy_protocol"))


def _wrapped(reading: PostfixReading, service: Service) -> bool:
    """Whether it speaks TLS from the first byte."""
    return reading.for_service(service, "smtpd_tls_wrappermode").lower() == "yes"


def port_number(name: str) -> int | None:
    """The port of a number or a name; None where there is none."""
    if name.isascii() and name.isdigit():
        return int(name) if 0 < int(name) < 65536 else None
    if name in PORTS:
        return PORTS[name]
    try:
        return socket.getservbyname(name, "tcp")
    except OSError:
        return None


def _address(reading: PostfixReading, host: str) -> str:
    """An address at which it is to be reached from the server itself."""
    if host:
        return _reachable(host)
    protocols = reading.effective("inet_protocols").replace(",", " ").split()
    loopback = "::1" if protocols == ["ipv6"] else "127.0.0.1"
    for word in reading.effective("inet_interfaces").replace(",", " ").split():
        if word in ("all", "loopback-only"):
            return loopback
        return _reachable(word)
    return loopback


def _reachable(host: str) -> str:
    """A host as it is connected to: an address that stands for all of them is the loopback one."""
    host = host.strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)

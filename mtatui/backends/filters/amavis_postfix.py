"""How Postfix and amavis know each other: who hands mail to it, and whether it learns of clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtatui.backends.filters.amavis import Amavis
    from mtatui.backends.postfix.reading import PostfixReading

_PARAMETERS = ("content_filter", "smtpd_proxy_filter", "smtpd_milters", "non_smtpd_milters")
_PORTS = (10024, 10026)


def ways(reading: PostfixReading, amavis: Amavis) -> tuple[tuple[str, str, str], ...]:
    """Where Postfix names amavis: the service ("" for main.cf), the parameter, its value."""
    return tuple(_ways(reading, amavis))


def _ways(reading: PostfixReading, amavis: Amavis) -> Iterator[tuple[str, str, str]]:
    for name in _PARAMETERS:
        if _names(value := reading.effective(name), amavis):
            yield "", name, value
        for service in reading.services("smtpd", "pickup", "qmqpd"):
            if name in service.overrides and _names(value := reading.for_service(service, name), amavis):
                yield service.name, name, value


def _names(value: str, amavis: Amavis) -> bool:
    ports = {*_PORTS, amavis.listens[1]} - {0}
    return "amavis" in value.lower() or any(re.search(rf":{port}\b", value) for port in ports)


def knows_clients(reading: PostfixReading, amavis: Amavis) -> bool:
    """Whether amavis learns from which client a message came (XFORWARD): else all come from this machine."""
    found = ways(reading, amavis)
    for _, name, value in found:
        if name != "content_filter":
            return True  # smtpd itself tells it, a milter anyway
        transport = value.partition(":")[0]
        for service in reading.master.services:
            if service.name != transport or service.command not in ("smtp", "lmtp"):
                continue
            option = f"{service.command}_send_xforward_command"
            if reading.for_service(service, option).lower() == "yes":
                return True
    return not found

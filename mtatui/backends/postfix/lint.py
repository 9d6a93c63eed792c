"""What is wrong, dangerous or without effect in a Postfix configuration as it works now.

Pure: it looks at what was read, and says what it means and what to do. The most that can go wrong here is
found neither by ``postfix check`` nor by a person who reads main.cf from above.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from mtatui.backends.postfix.lint_lists import is_local, list_findings
from mtatui.backends.postfix.master_cf import Service
from mtatui.backends.postfix.reading import COMPILED, PLAIN, PostfixReading
from mtatui.settings import syntax
from mtatui.settings.current import Finding
from mtatui.text import clean

_TABLE = re.compile(rf"\b({'|'.join((*COMPILED, *PLAIN))}):(/[^\s,{{}}]+)")
_SUBMISSION = {"submission", "submissions", "smtps", "587", "465"}
_CERTIFICATES = (
    "smtpd_tls_cert_file",
    "smtpd_tls_chain_files",
    "smtpd_tls_eccert_file",
    "smtpd_tls_dcert_file",
)
#: What says for which domains an agent delivers.
_DOMAINS = {"local": ("mydestination",), "virtual": ("virtual_mailbox_domains", "virtual_mailbox_maps")}
#: What postconf(1) has to say, and the file that it is about, if it is one of its two.
_WARNING = re.compile(
    r"(?:\S*/)?postconf: warning: (?:(?:\S*/)?(?P<file>(?:main|master)\.cf)(?:, line \d+)?: )?(?P<said>.*)"
)
#: Prefix lengths of public networks below which mynetworks trusts more machines than anybody owns.
_LARGE = {4: 20, 6: 40}


def findings(reading: PostfixReading) -> tuple[Finding, ...]:
    """Everything there is to say, the grave first."""
    found = [
        *_mistakes(reading),
        *list_findings(reading),
        *_networks(reading),
        *_authentication(reading),
        *_tables(reading),
        *_limits(reading),
        *_assignments(reading),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: not finding.grave))


def _mistakes(reading: PostfixReading) -> Iterator[Finding]:
    for name, lines in (("main.cf", reading.main.mistakes), ("master.cf", reading.master.mistakes)):
        for line in lines:
            yield Finding(
                "no-assignment",
                f"{name}, line {line} says nothing that Postfix understands: it would not start with it.",
                grave=True,
                where=f"{name}, line {line}",
            )


# -- networks ----------------------------------------------------------------------------------------------


def _networks(reading: PostfixReading) -> Iterator[Finding]:
    where = _line(reading, "mynetworks")
    known, wrong, tables = [], [], False
    for word in re.split(r"[\s,]+", reading.effective("mynetworks").strip()):
        try:
            written = syntax.network(word) if word else "!"
        except syntax.Refused as error:
            wrong.append(str(error))
            continue
        network = _parsed(written)
        path = word.lstrip("!")
        if path.startswith("/") and reading.tables.get(path, 0) is None:
            yield _missing(path, "mynetworks", "Make it, or take it out of mynetworks.", where)
        tables = tables or (network is None and word != "")
        if network and not written.startswith("!"):
            known.append(network)
            yield from _too_large(network, where)
    if wrong:
        more = f" (and {len(wrong) - 1} more like that)" if len(wrong) > 1 else ""
        yield Finding(
            "network-invalid",
            f"mynetworks: {wrong[0]}{more}. As it is, Postfix matches nobody by it, or refuses all mail "
            "(451 4.3.0).",
            grave=True,
            setting="outbound.mynetworks",
            where=where,
        )
    loopback = ipaddress.ip_address("127.0.0.1")
    if not tables and not any(loopback in network for network in known):
        yield Finding(
            "no-loopback",
            "mynetworks does not hold 127.0.0.0/8: programs on this server that speak SMTP are strangers "
            "to it.",
            setting="outbound.mynetworks",
            where=where,
        )


def _too_large(network: ipaddress.IPv4Network | ipaddress.IPv6Network, where: str) -> Iterator[Finding]:
    if network.prefixlen == 0:
        text = f"mynetworks holds {network}, the whole internet: this is an open relay. Take it out."
        yield Finding("open-relay", text, True, "outbound.mynetworks", where)
    elif network.prefixlen < _LARGE[network.version] and not _private(network):
        yield Finding(
            "networks-large",
            f"mynetworks trusts {network}, {network.num_addresses:,} public addresses: whoever is in "
            "there sends "
            "through this server without a password. Write down only the networks that are yours.",
            setting="outbound.mynetworks",
            where=where,
        )


def _private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.is_private or network.is_loopback or network.is_link_local


def _parsed(word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A network as Postfix writes it; None for tables and files."""
    try:
        return ipaddress.ip_network(re.sub(r"[!\[\]]", "", word))
    except ValueError:
        return None


# -- authentication ----------------------------------------------------------------------------------------


def _authentication(reading: PostfixReading) -> Iterator[Finding]:
    for service in reading.services("smtpd"):
        where = f"master.cf, line {service.line}"
        offers = _is(reading, service, "smtpd_sasl_auth_enable")
        only = _is(reading, service, "smtpd_tls_auth_only")
        if service.endpoint and service.endpoint[1] in _SUBMISSION and not offers:
            yield Finding(
                "submission-without-auth",
                f"{service.name} is where users hand in their mail, and it offers no AUTH: whoever is not in "
                "mynetworks cannot send there.",
                setting="outbound.smtpd_sasl_auth_enable",
                where=where,
            )
        if not offers or is_local(service):
            continue
        if not only and not _always_tls(reading, service):
            yield Finding(
                "auth-without-tls",
                f"{service.name} takes passwords outside TLS, too: they cross the network in clear.",
                setting="outbound.smtpd_tls_auth_only",
                where=where,
            )
        if only and not _offers_tls(reading, service):
            yield Finding(
                "auth-impossible",
                f"{service.name} takes passwords only inside TLS, and offers none: nobody can "
                "authenticate there.",
                grave=True,
                setting="outbound.smtpd_tls_security_level",
                where=where,
            )
    if reading.effective("smtpd_tls_security_level") in ("may", "encrypt") and not any(
        reading.effective(name) not in ("", "none") for name in _CERTIFICATES
    ):
        yield Finding(
            "no-certificate",
            "smtpd_tls_security_level wants TLS, and there is no certificate (smtpd_tls_cert_file): none "
            "is offered.",
            setting="outbound.smtpd_tls_security_level",
            where=_line(reading, "smtpd_tls_security_level"),
        )


def _always_tls(reading: PostfixReading, service: Service) -> bool:
    return (
        _is(reading, service, "smtpd_tls_wrappermode")
        or reading.for_service(service, "smtpd_tls_security_level") == "encrypt"
        or _is(reading, service, "smtpd_enforce_tls")
    )


def _offers_tls(reading: PostfixReading, service: Service) -> bool:
    level = reading.for_service(service, "smtpd_tls_security_level")
    return _always_tls(reading, service) or level == "may" or _is(reading, service, "smtpd_use_tls")


def _is(reading: PostfixReading, service: Service, name: str) -> bool:
    return reading.for_service(service, name).lower() == "yes"


# -- tables ------------------------------------------------------------------------------------------------


def _tables(reading: PostfixReading) -> Iterator[Finding]:
    """Tables that are not there, or older than what they were compiled from."""
    for name in reading.main.names():
        for type, path in _TABLE.findall(reading.effective(name)):
            yield from _table(reading, type, path, name, _line(reading, name))
    for service in reading.master.services:
        for name, value in service.overrides.items():
            for type, path in _TABLE.findall(reading.expanded(value)):
                where = f"master.cf, line {service.lines.get(name, service.line)}"
                yield from _table(reading, type, path, name, where)


def _table(reading: PostfixReading, type: str, path: str, name: str, where: str) -> Iterator[Finding]:
    file = path + COMPILED.get(type, "")
    if file not in reading.tables:
        return
    source, made = reading.tables.get(path), reading.tables[file]
    command = "newaliases" if name in ("alias_maps", "alias_database") else f"postmap {type}:{path}"
    if made is None:
        todo = (
            f"Run: {command}"
            if source is not None and type in COMPILED
            else f"Make it, or take it out of {name}."
        )
        yield _missing(file, name, todo, where)
    elif source is not None and source > made:
        text = f"{file} is older than {path}: what was changed there has no effect yet. Run: {command}"
        yield Finding("table-stale", text, where=where)


def _missing(file: str, name: str, todo: str, where: str) -> Finding:
    return Finding(
        "table-missing",
        f"{file} is not there (or not to be seen by you), and {name} needs it: mail that is looked up in it "
        f"waits (451 4.3.0). {todo}",
        grave=True,
        where=where,
    )


# -- limits, assignments -----------------------------------------------------------------------------------


def _limits(reading: PostfixReading) -> Iterator[Finding]:
    """A mailbox limit below that of a message: the agent refuses to run (local(8), virtual(8))."""
    message = _number(reading, "message_size_limit")
    for name, agent, transport in (
        ("mailbox_size_limit", "local", "local_transport"),
        ("virtual_mailbox_limit", "virtual", "virtual_transport"),
    ):
        limit = _number(reading, name)
        used = reading.effective(transport).partition(":")[0] == agent and any(
            reading.effective(domains) for domains in _DOMAINS[agent]
        )
        if limit > 0 and (message == 0 or limit < message) and used and any(reading.services(agent)):
            said = f"{message:,}" if message else "no limit"
            yield Finding(
                "mailbox-limit",
                f"{name} ({limit:,}) is smaller than message_size_limit ({said}): {agent}(8) refuses to "
                "deliver "
                "anything. Make it larger, or 0 for no limit.",
                grave=True,
                setting="outbound.message_size_limit",
                where=_line(reading, name) or _line(reading, "message_size_limit"),
            )


def _number(reading: PostfixReading, name: str) -> int:
    text = reading.effective(name)
    return int(text) if text.isascii() and text.isdigit() else -1


def _assignments(reading: PostfixReading) -> Iterator[Finding]:
    for name, lines in reading.main.duplicates().items():
        where = ", ".join(map(str, lines))
        text = f"{clean(name)} is set {len(lines)} times (lines {where}); only the last counts."
        yield Finding("set-twice", text, where=f"main.cf, line {lines[-1]}")
    for warning in reading.warnings:
        told = _WARNING.fullmatch(clean(warning))
        where, said = (told["file"] or "", told["said"]) if told else ("", clean(warning))
        # What an ordinary user may not read is no mistake.
        if "overriding earlier entry" in said or said.endswith(": Permission denied"):
            continue
        kind, colon, what = said.partition(": ")
        if colon and kind == "unused parameter":
            name = what.partition("=")[0]
            text = f"{name} is set, and nothing in Postfix uses it: a slip of the pen, or of another version."
            yield Finding("unused-parameter", text, where=where)
        elif colon and kind == "undefined parameter":
            text = f"${what} is used, and it is set nowhere: it stands for nothing."
            yield Finding("undefined-parameter", text, where=where)
        elif said:
            yield Finding("postconf-warning", f"Postfix says: {said}", where=where)


def _line(reading: PostfixReading, name: str) -> str:
    assignment = reading.explicit(name)
    return f"main.cf, line {assignment.line}" if assignment else ""

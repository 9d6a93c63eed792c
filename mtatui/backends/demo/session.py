"""An SMTP session as the demo's smtpd(8) holds it: as much as a probe asks, and how it can be unwell.

No mail is taken. What main.cf says is heeded as far as it makes Postfix ill: a boolean that is none (the
daemon dies), a restriction that nobody knows (451 4.3.5), a table that is not there (451 4.3.0). And what a
client sees of the services: TLS, AUTH, size, a greeting that is required. Standard library only.
"""

from __future__ import annotations

import os
import re

from mtatui.backends.demo.configuration import Configuration, Service

#: The lists that smtpd(8) goes through up to RCPT TO, and the parameters that may name tables besides.
LISTS = tuple(f"smtpd_{name}_restrictions" for name in ("client", "helo", "sender", "relay", "recipient"))
_TABLES = (*LISTS, "mynetworks", "smtpd_sender_login_maps", "mime_header_checks")
_SWITCHES = (
    "smtpd_helo_required", "smtpd_sasl_auth_enable", "smtpd_sasl_authenticated_header", "smtpd_tls_auth_only",
    "smtpd_tls_wrappermode", "smtpd_reject_unlisted_recipient", "smtpd_reject_unlisted_sender",
)  # fmt: skip
#: The restrictions of smtpd(8), those that take an argument apart (postconf(5)).
_RESTRICTIONS = frozenset(
    """
    defer defer_if_permit defer_if_reject defer_unauth_destination permit permit_auth_destination
    permit_inet_interfaces permit_mx_backup permit_mynetworks permit_sasl_authenticated
    permit_tls_all_clientcerts permit_tls_clientcerts reject reject_authenticated_sender_login_mismatch
    reject_invalid_helo_hostname reject_invalid_hostname reject_known_sender_login_mismatch
    reject_multi_recipient_bounce reject_non_fqdn_helo_hostname reject_non_fqdn_hostname
    reject_non_fqdn_recipient reject_non_fqdn_sender reject_plaintext_session reject_sender_login_mismatch
    reject_unauth_destination reject_unauth_pipelining reject_unauthenticated_sender_login_mismatch
    reject_unknown_address reject_unknown_client reject_unknown_client_hostname
    reject_unknown_forward_client_hostname reject_unknown_helo_hostname reject_unknown_hostname
    reject_unknown_recipient_domain reject_unknown_reverse_client_hostname reject_unknown_sender_domain
    reject_unlisted_recipient reject_unlisted_sender reject_unverified_recipient reject_unverified_sender
    warn_if_reject
    """.split()  # noqa: SIM905  # so many quotes would hide the names
)
_WITH_ARGUMENT = re.compile(
    r"check_\w+_access|check_policy_service|(?:reject_rbl|permit_dnswl|permit_rhswl)_client|reject_rhsbl_\w+|sleep"
)
_TABLE = re.compile(r"\b(hash|btree|lmdb|cdb|texthash|cidr|regexp|pcre|ldap):([^\s,{}]+)")
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}

_UNWELL = "451 4.3.0 Temporary lookup failure"

Reply = str


class Session:
    """One client's. `greeting` first, then `answer` for each line until `over`."""

    def __init__(
        self, configuration: Configuration, service: Service | None = None, tls: bool = False
    ) -> None:
        """Look at the configuration, as smtpd(8) does when it starts.

        Raises:
            Fatal: with these parameters it does not.
        """
        self._of = configuration
        self._service = service
        self._tls = tls
        self.over = False
        self.starts_tls = False
        """It has agreed to speak TLS from here on."""
        self._greeted = False
        self._sender: str | None = None
        on = {name: configuration.is_on(name, service) for name in _SWITCHES}
        self._wants_helo = on["smtpd_helo_required"]
        self._auth = on["smtpd_sasl_auth_enable"] and (tls or not on["smtpd_tls_auth_only"])
        self._level = self._value("smtpd_tls_security_level")
        self.ills = ills(configuration, service)

    def greeting(self) -> Reply:
        """What is said first."""
        return f"220 {self._value('smtpd_banner')}"

    def answer(self, line: str) -> Reply:
        """The reply to one line of the client."""
        verb, _, rest = line.strip().partition(" ")
        verb = verb.upper()
        if verb == "QUIT":
            self.over = True
            return "221 2.0.0 Bye"
        if verb in ("EHLO", "HELO"):
            self._greeted = True
            return self._hello() if verb == "EHLO" else f"250 {self._value('myhostname')}"
        if verb == "STARTTLS" and self._offers_tls:
            self.starts_tls = True
            return "220 2.0.0 Ready to start TLS"
        if verb in ("NOOP", "RSET"):
            self._sender = None if verb == "RSET" else self._sender
            return "250 2.0.0 Ok"
        if self._level == "encrypt" and not self._tls:
            return "530 5.7.0 Must issue a STARTTLS command first"
        if verb == "MAIL":
            return self._mail(rest)
        if verb == "RCPT":
            return self._rcpt(rest)
        if verb == "DATA":
            return "451 4.3.0 This is the demo: it takes no mail"
        return "502 5.5.2 Error: command not recognized"

    @property
    def _offers_tls(self) -> bool:
        return not self._tls and self._level in ("may", "encrypt")

    def _hello(self) -> Reply:
        said = [self._value("myhostname"), "PIPELINING", f"SIZE {self._value('message_size_limit')}"]
        said += ["STARTTLS"] if self._offers_tls else []
        said += ["AUTH PLAIN LOGIN"] if self._auth and (self._tls or self._level != "encrypt") else []
        said += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        return "\r\n".join([*(f"250-{word}" for word in said), "250 CHUNKING"])

    def _mail(self, rest: str) -> Reply:
        if self._wants_helo and not self._greeted:
            return "503 5.5.1 Error: send HELO/EHLO first"
        address = re.search(r"<([^>]*)>", rest)
        if address is None:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        self._sender = address[1]
        return "250 2.1.0 Ok"

    def _rcpt(self, rest: str) -> Reply:
        address = re.search(r"<([^>]*)>", rest)
        if self._sender is None or address is None:
            return "503 5.5.1 Error: need MAIL command" if address else "501 5.5.4 Syntax: RCPT TO:<address>"
        return self.ills[0][0] if self.ills else "250 2.1.5 Ok"

    def _value(self, name: str) -> str:
        return self._of.value(name, self._service)


def ills(configuration: Configuration, service: Service | None = None) -> list[tuple[Reply, str]]:
    """What makes smtpd(8) put everybody off: the reply, and what it writes into the log."""
    found = []
    classes = configuration.value("smtpd_restriction_classes", service).replace(",", " ").split()
    for name in LISTS:
        words = configuration.value(name, service).replace(",", " ").split()
        words.reverse()
        while words:
            word = words.pop()
            if _WITH_ARGUMENT.fullmatch(word):
                del words[-1:]
            elif word not in _RESTRICTIONS and word not in classes and not _TABLE.match(word):
                found.append(
                    ("451 4.3.5 Server configuration error", f'warning: unknown smtpd restriction: "{word}"')
                )
    for name in _TABLES:
        for kind, path in _TABLE.findall(configuration.value(name, service)):
            file = path + COMPILED.get(kind, "")
            if not os.path.exists(file):
                found.append((_UNWELL, f"error: open {file}: No such file or directory"))
            elif kind == "ldap":
                # Its server has a bad day, too: it answers root's postmap(1), and no smtpd(8).
                found.append((_UNWELL, f"warning: dict_ldap_lookup: {file}: Can't contact LDAP server"))
    return found

"""Warns of what a change would do that one may not want: own clients shut out, TLS that cannot be, a table
that nobody reads. What the lint would find afterwards, and does not find now, is a warning, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mtatui.backends.postfix import lint, restrictions
from mtatui.backends.postfix.controls_lists import lists_of, offering
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.expand import expand
from mtatui.backends.postfix.reading import PostfixReading

#: Levels of smtp_tls_security_level at which mail to servers without proper TLS waits.
_STRICT = ("encrypt", "dane-only", "fingerprint", "verify", "secure")

#: Bytes of a message for which there may be no room on a usual disk.
_HUGE = 2**30

#: What the master takes to heart only when it is started (postconf(5)).
_LISTENING = ("inet_interfaces", "inet_protocols")


def warn(draft: Draft, keys: Iterable[str]) -> None:
    """Warn of what the changes of these settings would do."""
    for key in keys:
        if check := _CHECKS.get(key.partition(".")[2]):
            check(draft, draft.after)
    _references(draft, draft.after)
    for name in _LISTENING:
        if draft.before.effective(name) != draft.after.effective(name):
            draft.warn(
                f"{name} changes with it, which a reload does not bring about: stop and start Postfix."
            )
    known = {(finding.id, finding.text) for finding in draft.before.derived("findings", lint.findings)}
    for finding in lint.findings(draft.after):
        if (finding.id, finding.text) not in known:
            draft.warn(finding.text, grave=finding.grave)


def _references(draft: Draft, after: PostfixReading) -> None:
    """Warn of a new value that names what is not set anywhere, or itself."""
    for name in after.main.names():
        now, before = after.explicit(name), draft.before.explicit(name)
        if now is None or "$" not in now.value or (before is not None and before.value == now.value):
            continue
        unknown: dict[str, None] = {}

        def lookup(wanted: str, unknown: dict[str, None] = unknown) -> str | None:
            found = after.lookup(wanted)
            if found is None:
                unknown[wanted] = None
            return found

        try:
            expand(f"${{{name}}}", lookup)
        except ValueError as error:
            draft.warn(f"{name}: Postfix could not make out what that is: {error}.", grave=True)
        if unknown:
            names = ", ".join(f"${wanted}" for wanted in unknown)
            draft.warn(f"{name}: {names} is set nowhere, and stands for nothing.")


def _login_mismatch(draft: Draft, after: PostfixReading) -> None:
    lists = lists_of(after)
    for name in restrictions.LISTS:
        walked = [found.restriction for found in lists.walk(name)]
        at = next((at for at, one in enumerate(walked) if one.is_a(restrictions.MISMATCH)), None)
        if at is not None and not any(one.is_a("permit_mynetworks") for one in walked[:at]):
            draft.warn(
                f"{name} lets nobody pass for being in mynetworks: programs there that send with an address "
                "of the table of owners, and without its login, are refused."
            )


def _authentication(draft: Draft, after: PostfixReading) -> None:
    before, now = offering(draft.before), offering(after)
    if gone := [service for service in before if service not in now]:
        draft.warn(
            f"Nobody can authenticate at {', '.join(gone)} any more: users who send mail there are shut out.",
            grave=True,
        )


def _required(draft: Draft, after: PostfixReading) -> None:
    if not restrictions.authentication_required(lists_of(after)):
        return
    if not offering(after):
        draft.warn("No service offers AUTH: nobody at all could send to other people's domains.", grave=True)
    else:
        draft.warn(
            "Whatever sends through this server without a password is shut out: printers, scripts, other "
            "servers. What runs on the server itself and uses sendmail is not.",
            grave=True,
        )


def _incoming_tls(draft: Draft, after: PostfixReading) -> None:
    level = after.effective("smtpd_tls_security_level")
    if level == "encrypt":
        open_ones = [
            service.name
            for service in after.services("smtpd", "postscreen")
            if service.endpoint
            and service.endpoint[1] in ("smtp", "25")
            and "smtpd_tls_security_level" not in service.overrides
        ]
        if open_ones:
            draft.warn(
                "Port 25 takes no mail from servers without TLS any more; RFC 3207 forbids that where mail "
                "comes in from everybody.",
                grave=True,
            )


def _outgoing_tls(draft: Draft, after: PostfixReading) -> None:
    level = after.effective("smtp_tls_security_level")
    if level in _STRICT and not after.effective("relayhost"):
        draft.warn("Mail to servers that do not reach this level waits, and is returned in the end.")
    if level in ("verify", "secure") and not any(
        after.effective(name) for name in ("smtp_tls_CAfile", "smtp_tls_CApath")
    ):
        draft.warn(
            "No certificate can be verified: neither smtp_tls_CAfile nor smtp_tls_CApath is set.", grave=True
        )
    if level == "fingerprint" and not after.effective("smtp_tls_fingerprint_cert_match"):
        draft.warn("No fingerprint is known (smtp_tls_fingerprint_cert_match): no mail goes out.", grave=True)
    if level.startswith("dane") and after.effective("smtp_dns_support_level") != "dnssec":
        draft.warn(
            "DANE needs smtp_dns_support_level = dnssec and a resolver that validates: it does nothing."
        )
    _login(draft, after)


def _login(draft: Draft, after: PostfixReading) -> None:
    if after.effective("smtp_sasl_auth_enable").lower() != "yes":
        return
    if "noplaintext" in after.effective("smtp_sasl_security_options"):
        return
    level = after.effective("smtp_tls_security_level")
    if level in ("", "none"):
        draft.warn(
            "The password for the relay host crosses the network in clear: set “TLS of outgoing connections” "
            "to encrypt.",
            grave=True,
        )
    elif level not in _STRICT:
        draft.warn(
            "Should the relay host offer no TLS, the password goes to it in clear; encrypt prevents that."
        )


def _relay(draft: Draft, after: PostfixReading) -> None:
    host = after.effective("relayhost")
    if host:
        draft.say(f"All mail to other domains is handed to {host}.")
        if not host.startswith("["):
            draft.say(f"{host.partition(':')[0]} stands without brackets: its MX records say where that is.")
    else:
        draft.say("Mail to other domains goes straight to their servers.")


def _networks(draft: Draft, after: PostfixReading) -> None:
    now = set(_words(after))
    gone = [word for word in _words(draft.before) if word not in now]
    if gone:
        draft.warn(f"Clients in {', '.join(gone)} are strangers from now on, unless they authenticate.")


def _words(reading: PostfixReading) -> list[str]:
    return reading.effective("mynetworks").replace(",", " ").split()


def _size(draft: Draft, after: PostfixReading) -> None:
    size = after.effective("message_size_limit")
    if size.isdigit() and 0 < int(size) < 1024 * 1024:
        draft.warn("Below a megabyte most mail with an attachment is refused.")
    if size.isdigit() and int(size) > _HUGE:
        # smtpd(8) asks for that much whatever size a client announces (smtpd_check.c).
        draft.warn(
            f"Postfix takes no mail at all (452 4.3.1) while the disk of its queue has less than "
            f"{int(size) * 3 // 2 / 2**30:,.1f} GiB free, one and a half times that size.",
            grave=True,
        )
    for name in ("mailbox_size_limit", "virtual_mailbox_limit"):
        limit = after.effective(name)
        if (
            limit.isdigit()
            and size.isdigit()
            and int(limit) > 0
            and (int(size) == 0 or int(limit) < int(size))
        ):
            draft.set(name, size)
            draft.say(f"{name} was smaller ({limit}) and grows with it: else Postfix would deliver nothing.")


def _names(draft: Draft, after: PostfixReading) -> None:
    draft.warn(
        "Other servers compare this name with the address and the certificate of this one: see that the DNS "
        "and the certificate know it."
    )
    name = after.effective("smtp_helo_name") or after.effective("myhostname")
    if "." not in name and not name.startswith("["):
        draft.warn(f"“{name}” is not fully qualified: many servers take no mail from such a name.")


_CHECKS: dict[str, Callable[[Draft, PostfixReading], None]] = {
    "reject_sender_login_mismatch": _login_mismatch,
    "smtpd_sasl_auth_enable": _authentication,
    "require_authentication": _required,
    "smtpd_tls_security_level": _incoming_tls,
    "smtp_tls_security_level": _outgoing_tls,
    "relay_login": _login,
    "relayhost": _relay,
    "mynetworks": _networks,
    "message_size_limit": _size,
    "myhostname": _names,
    "smtp_helo_name": _names,
}

"""The page Inbound: attachments, rejection, protocol checks, block lists."""

from __future__ import annotations

from mtatui.settings.kinds import Extensions, RelayGuard, Restriction, Switch, Tables, Zones
from mtatui.settings.setting import Page, Setting

_SWITCH, _RESTRICTION, _ZONES = Switch(), Restriction(), Zones()
_ATTACHMENTS, _REJECTION, _PROTOCOL, _LISTS = "Attachments", "Rejection", "Protocol checks", "Block lists"


def _check(name: str, label: str, section: str, help: str, reply: str, cost: str) -> Setting:
    """A restriction of smtpd(8) that takes no argument."""
    manual = f"postconf(5) {name}"
    return Setting(f"inbound.{name}", label, section, _RESTRICTION, help, name, manual, cost, reply)


def _list(name: str, label: str, help: str, reply: str) -> Setting:
    """An editable list of DNS block lists."""
    cost = "As much as the list is wrong: try it on trial first, and look at what it would have refused."
    return Setting(f"inbound.{name}", label, _LISTS, _ZONES, help, name, f"postconf(5) {name}", cost, reply)


INBOUND = Page(
    "inbound",
    "Inbound",
    (
        Setting(
            "inbound.blocked_extensions",
            "Blocked extensions",
            _ATTACHMENTS,
            Extensions(),
            "Mail with an attachment whose name ends so is refused, however the name is written (quoted, "
            "bare, encoded word, RFC 2231). On Postfix alone archives are not looked into.",
            "mime_header_checks",
            "postconf(5) mime_header_checks",
            "Whoever sends such files in good faith must pack them or use another way.",
            "550 5.7.1 attachments named *.<exe> are not accepted here",
            filters=True,
        ),
        Setting(
            "inbound.blocked_extensions_notify_admin",
            "Tell the administrator",
            _ATTACHMENTS,
            _SWITCH,
            "The administrator gets a notice of each blocked attachment.",
            "banned_admin",
            "amavisd.conf-default $banned_admin",
            filters=True,
        ),
        Setting(
            "inbound.blocked_extensions_notify_recipient",
            "Tell the recipient",
            _ATTACHMENTS,
            _SWITCH,
            "The recipient gets a notice that an attachment was blocked.",
            "warnbannedrecip",
            "amavisd.conf-default $warnbannedrecip",
            filters=True,
        ),
        Setting(
            "inbound.reject_unauth_destination",
            "Only authorised clients may relay",
            _REJECTION,
            RelayGuard(),
            "Mail for other people's domains is taken from your networks and from authenticated clients "
            "only. Without it anybody sends spam through this server: it can be switched on here, not off.",
            "reject_unauth_destination",
            "postconf(5) smtpd_relay_restrictions",
            "None.",
            "554 5.7.1 <user@elsewhere.example>: Relay access denied",
        ),
        Setting(
            "inbound.smtpd_reject_unlisted_recipient",
            "Unknown recipients are refused",
            _REJECTION,
            _SWITCH,
            "Mail to an address of your domains that no table lists is refused at once. Without this it is "
            "taken in, cannot be delivered, and goes back to senders that are often forged.",
            "smtpd_reject_unlisted_recipient",
            "postconf(5) smtpd_reject_unlisted_recipient",
            "None, while the recipient tables are complete.",
            "550 5.1.1 <nobody@your.domain>: Recipient address rejected: User unknown",
        ),
        Setting(
            "inbound.smtpd_reject_unlisted_sender",
            "Unknown senders are refused",
            _REJECTION,
            _SWITCH,
            "Mail that claims to come from an address of your domains that no table lists is refused.",
            "smtpd_reject_unlisted_sender",
            "postconf(5) smtpd_reject_unlisted_sender",
            "Programs that send under addresses which nobody has set up (noreply@ …).",
            "550 5.1.0 <nobody@your.domain>: Sender address rejected: User unknown",
        ),
        _check(
            "reject_sender_login_mismatch",
            "Login must match sender",
            _REJECTION,
            "Who is logged in may send under his own addresses only, and nobody else may use addresses that "
            "have an owner. Which addresses belong to which login, the table of owners says: without it this "
            "does nothing.",
            "553 5.7.1 <x@your.domain>: Sender address rejected: not owned by user <login>",
            "Users who send under shared addresses that the table does not give them; mail from outside "
            "under your own addresses (forwarders, web forms).",
        ),
        Setting(
            "inbound.smtpd_sender_login_maps",
            "Table of owners",
            _REJECTION,
            Tables(),
            "Says for each sender address which logins own it, such as hash:/etc/postfix/sender_logins.",
            "smtpd_sender_login_maps",
            "postconf(5) smtpd_sender_login_maps",
        ),
        _check(
            "reject_non_fqdn_sender",
            "Sender must be complete",
            _REJECTION,
            "Turns away senders without a full domain (<user>, <user@host>).",
            "504 5.5.2 <user>: Sender address rejected: need fully-qualified address",
            "Hardly any; misconfigured appliances.",
        ),
        _check(
            "reject_non_fqdn_recipient",
            "Recipient must be complete",
            _REJECTION,
            "Turns away recipients without a full domain.",
            "504 5.5.2 <user>: Recipient address rejected: need fully-qualified address",
            "Hardly any.",
        ),
        _check(
            "reject_unknown_sender_domain",
            "Sender's domain must exist",
            _REJECTION,
            "Turns away mail whose sender domain has neither MX nor address: replies could never reach it.",
            "450 4.1.8 <x@nowhere.example>: Sender address rejected: Domain not found",
            "Rarely; small senders with broken DNS. A DNS failure defers, it does not refuse.",
        ),
        _check(
            "reject_unknown_recipient_domain",
            "Recipient's domain must exist",
            _REJECTION,
            "Turns away mail to domains that have neither MX nor address, before it is taken into the queue.",
            "450 4.1.2 <x@nowhere.example>: Recipient address rejected: Domain not found",
            "None; the mail could not have been delivered.",
        ),
        Setting(
            "inbound.smtpd_helo_required",
            "A greeting is required",
            _PROTOCOL,
            _SWITCH,
            "Clients must say HELO or EHLO before anything else. The checks of greetings want this, too: a "
            "client that does not greet would pass them.",
            "smtpd_helo_required",
            "postconf(5) smtpd_helo_required",
            "None; every mail program greets.",
            "503 5.5.1 Error: send HELO/EHLO first",
        ),
        _check(
            "reject_invalid_helo_hostname",
            "Greeting must be valid",
            _PROTOCOL,
            "Turns away greetings that are no host name by the rules of RFC 1123.",
            "501 5.5.2 <helo>: Helo command rejected: Invalid name",
            "Hardly any; devices that greet with blanks or signs in their names. An underscore passes.",
        ),
        _check(
            "reject_non_fqdn_helo_hostname",
            "Greeting must be a full name",
            _PROTOCOL,
            "Turns away clients that greet with a bare name without a domain.",
            "504 5.5.2 <helo>: Helo command rejected: need fully-qualified hostname",
            "Badly configured servers of small offices.",
        ),
        _check(
            "reject_unknown_helo_hostname",
            "Greeting must resolve",
            _PROTOCOL,
            "Turns away clients whose greeting has neither an address nor an MX in the DNS.",
            "450 4.7.1 <helo>: Helo command rejected: Host not found",
            "Noticeable: many legitimate servers greet with an internal name. Try it first.",
        ),
        _check(
            "reject_unknown_client_hostname",
            "Client must have a name",
            _PROTOCOL,
            "Turns away clients whose address has no name in the DNS that leads back to it.",
            "450 4.7.25 Client host rejected: cannot find your hostname, [<address>]",
            "Noticeable: legitimate servers with careless reverse DNS. Try it first.",
        ),
        _check(
            "reject_unknown_reverse_client_hostname",
            "Client must have a reverse name",
            _PROTOCOL,
            "Turns away clients whose address has no reverse name at all; it need not lead back.",
            "450 4.7.1 Client host rejected: cannot find your reverse hostname, [<address>]",
            "Little; the large providers demand it as well.",
        ),
        _list(
            "reject_rbl_client",
            "By client address",
            "Block lists that are asked for the address of the client.",
            "554 5.7.1 Service unavailable; Client host [<address>] blocked using <list>",
        ),
        _list(
            "reject_rhsbl_client",
            "By client name",
            "Block lists of domains that are asked for the name of the client.",
            "554 5.7.1 Service unavailable; Client host [<name>] blocked using <list>",
        ),
        _list(
            "reject_rhsbl_reverse_client",
            "By reverse name",
            "Block lists of domains that are asked for the reverse name of the client, proven or not.",
            "554 5.7.1 Service unavailable; Unverified Client host [<name>] blocked using <list>",
        ),
        _list(
            "reject_rhsbl_sender",
            "By sender domain",
            "Block lists of domains that are asked for the domain of the sender.",
            "554 5.7.1 Service unavailable; Sender address [<x@y>] blocked using <list>",
        ),
    ),
)

"""The page Outbound: what is added to headers, who may send, who we say we are, and where mail goes."""

from __future__ import annotations

from mtatui.settings.kinds import Bytes, Choice, Kind, Name, Networks, Relay, RelayLogin, Switch
from mtatui.settings.setting import Page, Setting

_SWITCH = Switch()
_HEADERS, _AUTH, _TLS, _NETWORKS = "Headers", "Authentication", "Encryption", "Networks and names"
_RELAY, _LIMITS = "Relay", "Limits"

_SMTPD_TLS = Choice(
    (
        ("", "not said: off, unless the old smtpd_use_tls or smtpd_enforce_tls say so"),
        ("none", "no TLS is offered"),
        ("may", "TLS is offered, nobody has to use it"),
        ("encrypt", "nothing goes without TLS; on port 25 this refuses mail of servers that cannot"),
    )
)
_SMTP_TLS = Choice(
    (
        ("", "not said: off, unless the old smtp_use_tls or smtp_enforce_tls say so"),
        ("none", "never TLS"),
        ("may", "TLS where the other side offers it"),
        ("encrypt", "only with TLS; mail to servers without it waits and is returned"),
        ("dane", "as the destination's TLSA records say, else as may"),
        ("dane-only", "only to destinations with TLSA records"),
        ("fingerprint", "only to servers whose certificate has a known fingerprint"),
        ("verify", "only with a certificate that matches the name from the MX look-up"),
        ("secure", "only with a certificate that matches the domain"),
    )
)


def _own(
    name: str, label: str, section: str, kind: Kind, help: str, cost: str = "", reply: str = "",
    *, of_one_server: bool = False,
) -> Setting:  # fmt: skip
    """A parameter of main.cf under its own name."""
    texts = (help, name, f"postconf(5) {name}", cost, reply)
    return Setting(f"outbound.{name}", label, section, kind, *texts, of_one_server=of_one_server)


OUTBOUND = Page(
    "outbound",
    "Outbound",
    (
        Setting(
            "outbound.add_client_ip_header",
            "Client's address in the header",
            _HEADERS,
            _SWITCH,
            "Mail of authenticated users gets X-Originating-IP: [address], once. It helps to find the "
            "machine behind a stolen password, and tells recipients where your users are.",
            "smtpd_data_restrictions",
            "access(5) PREPEND",
            needs=(3, 0),
        ),
        _own(
            "smtpd_sasl_authenticated_header",
            "User's name in the header",
            _HEADERS,
            _SWITCH,
            "The login stands in the Received line: (Authenticated sender: …). It helps against stolen "
            "passwords, and tells recipients the login names of your users.",
        ),
        _own(
            "smtpd_sasl_auth_enable",
            "Authentication is offered",
            _AUTH,
            _SWITCH,
            "Clients are offered AUTH. Offered is not demanded: who must authenticate, the restrictions say.",
        ),
        Setting(
            "outbound.require_authentication",
            "Authentication is required to send",
            _AUTH,
            _SWITCH,
            "To send to other people's domains one must authenticate, also from your own networks: "
            "permit_mynetworks goes from the lists that decide about relaying.",
            "smtpd_relay_restrictions",
            "postconf(5) smtpd_relay_restrictions",
            "Printers, scripts and servers on your networks that cannot authenticate.",
            "554 5.7.1 <user@elsewhere.example>: Relay access denied",
        ),
        _own(
            "smtpd_tls_auth_only",
            "Passwords only over TLS",
            _AUTH,
            _SWITCH,
            "AUTH is offered inside TLS only: no password crosses the network in clear.",
            "Very old mail programs.",
            "503 5.5.1 Error: authentication not enabled",
        ),
        _own(
            "smtpd_tls_security_level",
            "TLS of incoming connections",
            _TLS,
            _SMTPD_TLS,
            "What is asked of clients. Without a certificate (smtpd_tls_cert_file) none can be offered.",
            "encrypt on port 25 refuses the mail of servers that have no TLS (RFC 3207 forbids it there).",
            "530 5.7.0 Must issue a STARTTLS command first",
        ),
        _own(
            "smtp_tls_security_level",
            "TLS of outgoing connections",
            _TLS,
            _SMTP_TLS,
            "What is asked of the servers to which mail is delivered.",
            "All above may: mail to servers that do not reach it waits, and is returned in the end.",
        ),
        _own(
            "mynetworks",
            "My networks",
            _NETWORKS,
            Networks(),
            "Clients in these networks may send anywhere without a password. Write 192.0.2.0/24, "
            "[2001:db8::]/32, !192.0.2.7 for an exception (before the network), or a table. Empty: "
            "nobody; Postfix's default is what mynetworks_style says.",
            "A network too many is an open relay for everybody in it.",
        ),
        _own(
            "smtp_helo_name",
            "Name in greetings",
            _NETWORKS,
            Name(),
            "How this server greets others; it should resolve to the address from which it sends.",
            of_one_server=True,
        ),
        _own(
            "myhostname",
            "Host name",
            _NETWORKS,
            Name(variables=False),
            "The full name of this mail server. It is the default of much else.",
            of_one_server=True,
        ),
        _own(
            "mydomain",
            "Domain",
            _NETWORKS,
            Name(variables=False),
            "The domain of this server: $myhostname without its first part.",
        ),
        _own(
            "myorigin",
            "Origin",
            _NETWORKS,
            Name(file=True),
            "The domain that addresses without one get: mail of root and of cron. Debian takes a file, too.",
        ),
        _own(
            "relayhost",
            "Relay host",
            _RELAY,
            Relay(),
            "All mail to other domains goes here. [host] is taken as it is; without brackets the MX records "
            "of the name are used. A port stands behind a colon: [smtp.example.com]:587.",
            "All outgoing mail depends on it.",
        ),
        _own(
            "smtp_fallback_relay",
            "Fallback relay",
            _RELAY,
            Relay(many=True),
            "Where mail goes when its destination, or the relay host, cannot be reached. Brackets and port "
            "as above.",
        ),
        Setting(
            "outbound.relay_login",
            "Login for the relay",
            _RELAY,
            RelayLogin(),
            "Name and password for the relay host, as user:password. They lie in a file that only "
            "root can read.",
            "smtp_sasl_password_maps",
            "postconf(5) smtp_sasl_password_maps",
        ),
        _own(
            "message_size_limit",
            "Largest message",
            _LIMITS,
            Bytes(least=1024, zero="no limit"),
            "Larger ones are refused. Attachments grow by a third when they are encoded: 10M carries a "
            "file of 7.",
            "Whoever sends more.",
            "552 5.3.4 Message size exceeds fixed limit",
        ),
    ),
)

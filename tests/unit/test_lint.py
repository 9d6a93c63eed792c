"""The lint: each thing it finds, and that it is silent where all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtatui.backends.postfix.lint import findings
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Finding
from tests.unit import configured

WELL = """\
smtpd_tls_cert_file = /etc/ssl/cert.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_helo_required = yes
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
    check_client_access cidr:/etc/postfix/good, strict, reject_invalid_helo_hostname, sleep 1,
    check_policy_service { unix:private/policy, timeout=5s }, permit
smtpd_restriction_classes = strict
strict = reject_unknown_client_hostname, $more
more = reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]
"""


def source(main: str, master: str = configured.MASTER) -> PostfixReading:
    return configured.source(configured.MAIN + main, master)


def found(reading: PostfixReading) -> dict[str, Finding]:
    return {finding.id: finding for finding in findings(reading)}


def test_all_is_well() -> None:
    assert findings(source(WELL, configured.MASTER.replace("  -o smtpd_recip", "#  -o smtpd_recip"))) == ()


@pytest.mark.parametrize(
    ("main", "id", "grave", "setting", "words"),
    [
        ("smtpd_relay_restrictions = permit_mynetworks, permit, reject_unauth_destination",
         "open-relay", True, "inbound.reject_unauth_destination", "behind a permit"),
        ("smtpd_relay_restrictions = permit_mynetworks, warn_if_reject reject_unauth_destination",
         "open-relay", True, "inbound.reject_unauth_destination", "on trial"),
        ("smtpd_relay_restrictions =", "no-relay-guard", True,
         "inbound.reject_unauth_destination", "no mail at all"),
        ("mynetworks = 127.0.0.0/8 0.0.0.0/0", "open-relay", True,
         "outbound.mynetworks", "the whole internet"),
        ("mynetworks = 127.0.0.0/8 8.0.0.0/8", "networks-large", False, "outbound.mynetworks", "16,777,216"),
        ("mynetworks = 192.0.2.0/24", "no-loopback", False, "outbound.mynetworks", "127.0.0.0/8"),
        ("mynetworks = 127.0.0.1/8", "network-invalid", True, "outbound.mynetworks", "127.0.0.0/8"),
        ("mynetworks = 127.0.0.0/8 localhost", "network-invalid", True, "outbound.mynetworks", "localhost"),
        ("smtpd_client_restrictions = permit_mynetworks, permit, reject_rbl_client a.b",
         "never-reached", True, "", "reject_rbl_client a.b"),
        ("smtpd_helo_restrictions = reject, reject_non_fqdn_helo_hostname",
         "never-reached", False, "", "“reject”"),
        ("smtpd_sender_restrictions = permit_sasl_authenticated, reject_sender_login_mismatch",
         "login-check-too-late", False, "inbound.reject_sender_login_mismatch", "passed already"),
        ("smtpd_sender_restrictions = reject_sender_login_mismatch",
         "no-login-maps", False, "inbound.smtpd_sender_login_maps", "does nothing"),
        ("smtpd_helo_required = no\nsmtpd_helo_restrictions = reject_unknown_helo_hostname",
         "greeting-not-required", False, "inbound.smtpd_helo_required", "reject_unknown_helo_hostname"),
        ("smtpd_peername_lookup = no\nsmtpd_client_restrictions = reject_unknown_client",
         "no-client-names", True, "inbound.reject_unknown_client_hostname", "refuses all"),
        ("smtpd_client_restrictions = reject_unknown_cleint", "unknown-restriction", True, "", "451 4.3.5"),
        ("smtpd_restriction_classes = a, b\na = permit", "class-without-list", True, "", " b"),
        ("mailbox_size_limit = 1000000", "mailbox-limit", True, "outbound.message_size_limit", "local(8)"),
        ("relayhost = [a.test]\nrelayhost = [b.test]", "set-twice", False, "", "relayhost is set 2 times"),
        ("smtpd_tls_security_level = may\nsmtpd_tls_cert_file =", "no-certificate", False,
         "outbound.smtpd_tls_security_level", "smtpd_tls_cert_file"),
        ("nonsense here", "no-assignment", True, "", "would not start"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(main: str, id: str, grave: bool, setting: str, words: str) -> None:
    master = configured.MASTER + "local unix - n n - - local\n"
    all = found(source(f"{main}\n", master))
    assert id in all
    finding = all[id]
    assert (finding.grave, finding.setting) == (grave, setting)
    assert words in finding.text
    if setting != "outbound.smtpd_tls_security_level" and main != "smtpd_relay_restrictions =":
        assert "line" in finding.where


def test_a_service_of_its_own_is_looked_at_by_itself() -> None:
    master = configured.MASTER.replace(
        "-o smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
        "-o smtpd_relay_restrictions=permit_mynetworks,permit\n"
        "  -o smtpd_recipient_restrictions=$mua_restrictions",
    )
    all = found(source(f"{WELL}mua_restrictions = permit_sasl_authenticated\n", master))
    assert all["no-relay-guard"].text.startswith("submission: ")
    assert all["no-relay-guard"].where == "master.cf, line 2"
    assert "reject_invalid_helo_hostname" in all["service-overrides"].text
    assert all["service-overrides"].where == "master.cf, line 6"


@pytest.mark.parametrize(
    ("master", "id", "grave"),
    [
        ("submission inet n - y - - smtpd", "submission-without-auth", False),
        ("smtp inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes", "auth-without-tls", False),
        (
            "465 inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes",
            "auth-impossible",
            True,
        ),
    ],
)
def test_what_is_wrong_with_authentication(master: str, id: str, grave: bool) -> None:
    finding = found(source("", f"{master}\n"))[id]
    assert finding.grave is grave
    assert finding.text.startswith(f"{master.split(maxsplit=1)[0]} ")
    assert finding.where == "master.cf, line 1"


@pytest.mark.parametrize(
    "master",
    [
        "465 inet n - y - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes",
        "587 inet n - y - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes",
        "127.0.0.1:10025 inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes",
    ],
)
def test_nothing_is_wrong_with_authentication(master: str) -> None:
    assert findings(source("", f"{master}\n")) == ()


def test_tables() -> None:
    reading = replace(
        source(
            "virtual_alias_maps = hash:/etc/virtual, proxy:hash:$config_directory/more\n"
            "alias_maps = hash:/etc/aliases\n"
            "# transport_maps = hash:/etc/no\n"
            "header_checks = regexp:/etc/checks\n"
        ),
        tables={
            "/etc/virtual": 200, "/etc/virtual.db": 100,
            "/etc/postfix/more": 100, "/etc/postfix/more.db": None,
            "/etc/aliases": 200, "/etc/aliases.db": 200,
            "/etc/no": None, "/etc/no.db": None,
            "/etc/checks": None,
        },
    )  # fmt: skip
    missing, gone, stale = findings(reading)
    assert missing.text.endswith("Run: postmap hash:/etc/postfix/more")
    assert gone.text.endswith("Make it, or take it out of header_checks.")
    assert stale.text.endswith("Run: postmap hash:/etc/virtual")
    assert [finding.grave for finding in (missing, gone, stale)] == [True, True, False]
    assert gone.where == "main.cf, line 9"


def test_a_file_of_networks_that_is_not_there() -> None:
    networks = "mynetworks = 127.0.0.0/8, !/etc/not-ours, /etc/ours\n"
    reading = replace(source(networks), tables={"/etc/not-ours": None, "/etc/ours": 100})
    found = findings(reading)[0]
    assert (found.id, found.grave, found.where) == ("table-missing", True, "main.cf, line 6")
    assert found.text.startswith("/etc/not-ours is not there")


def test_what_postconf_says() -> None:
    said = (
        "postconf: warning: /etc/postfix/main.cf: unused parameter: foo_bar=1 \x1b[31m",
        "postconf: warning: /etc/postfix/main.cf: undefined parameter: undefd",
        "postconf: warning: /etc/postfix/main.cf, line 4: overriding earlier entry: myhostname=a.example",
        "postconf: warning: /etc/postfix/master.cf: unused parameter: bla=3",
        "postconf: warning: something else",
        'postconf: warning: open "mysql" configuration "/etc/postfix/users.cf": No such file or directory',
        'postconf: warning: open "mysql" configuration "/etc/postfix/owners.cf": Permission denied',
    )
    told = [
        (finding.id, finding.where, finding.text) for finding in findings(replace(source(""), warnings=said))
    ]
    assert [entry[:2] for entry in told] == [
        ("unused-parameter", "main.cf"),
        ("undefined-parameter", "main.cf"),
        ("unused-parameter", "master.cf"),
        ("postconf-warning", ""),
        ("postconf-warning", ""),
    ]
    assert "/etc/postfix/users.cf" in told[4][2]
    assert "foo_bar" in told[0][2]
    assert "$undefd" in told[1][2]


def test_the_grave_come_first() -> None:
    all = findings(source("smtpd_sender_restrictions = reject_sender_login_mismatch, nonsense\n"))
    assert [finding.grave for finding in all] == [True, False]

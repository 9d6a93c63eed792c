"""mtatui's own tables on a real Postfix: what is refused, what passes, what the delivered message says."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator

import pytest

from mtatui.backends.postfix import tables
from mtatui.backends.postfix.restrictions import Lists, set_client_ip, switch
from mtatui.settings.extensions import COMMON, MODERN
from mtatui.settings.kinds import Login, Trial
from tests.stack.postfix import PostfixInstance
from tests.stack.smtp import Refused
from tests.unit.attachments import HARMLESS, REFUSED

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def postfix() -> Iterator[PostfixInstance]:
    """A Postfix with all tables of ours."""
    with PostfixInstance() as instance:
        (instance.config / "mtatui").mkdir()
        for name, data in {
            tables.BLOCKED: tables.blocked((*COMMON, *MODERN, "tar.gz")),
            tables.CLIENT_IP: tables.client_ip(),
            tables.RELAY_LOGIN: tables.relay_login({
                "[relay.test]:587": Login("user@example", "s3cret: #päss"),
                "Relay.Test": Login("u", "p"),
            }),
        }.items():  # fmt: skip
            path = instance.config / name
            path.write_bytes(data)
            path.chmod(tables.MODES[name])
        (instance.config / "smtpd.conf").write_text("pwcheck_method: auxprop\nmech_list: PLAIN\n")
        master = instance.config / "master.cf"
        services = master.read_text().replace(" smtpd\n", " smtpd -o smtpd_sasl_auth_enable=yes\n", 1)
        master.write_text(f"{services}{instance.address}:26 inet n - n - - smtpd\n")
        lists = Lists({name: f" {value}" for name, value in instance.parameters.items()})
        table = f"{tables.TYPES[tables.CLIENT_IP]}:$config_directory/{tables.CLIENT_IP}"
        after = set_client_ip(switch(lists, "reject_non_fqdn_sender", Trial.ENFORCE), True, table)
        instance.reload(
            mime_header_checks=f"{tables.TYPES[tables.BLOCKED]}:$config_directory/{tables.BLOCKED}",
            cyrus_sasl_config_path=str(instance.config),
            **{name: raw or "" for name, raw in after.changes(lists).items()},
        )
        yield instance


def in_a_part(header: str) -> bytes:
    """A message with a text, and an attachment that has this header."""
    return (
        "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello a.exe.\n"
        f"--b\n{header}\n\nZm9v\n--b--\n"
    ).replace("\n", "\r\n").encode()  # fmt: skip


def send(postfix: PostfixInstance, content: bytes) -> str:
    """The refusal of a message; "" where it was taken."""
    with contextlib.suppress(_Taken):
        return _send(postfix, content)
    return ""


class _Taken(Exception):
    """The message was accepted."""


def _send(postfix: PostfixInstance, content: bytes) -> str:
    try:
        postfix.send("me@sender.test", "you@ok.test", content=content)
    except Refused as refused:
        return str(refused)
    raise _Taken


@pytest.mark.parametrize("how", REFUSED)
def test_a_program_is_refused_however_it_is_spelled(postfix: PostfixInstance, how: str) -> None:
    refusal = send(postfix, in_a_part(REFUSED[how]))
    assert refusal.startswith("550 5.7.1 ")
    if "disorder" not in how:
        extension = "tar.gz" if "tar.gz" in REFUSED[how] else "exe"
        assert refusal == f"550 5.7.1 attachments named *.{extension} are not accepted here"


@pytest.mark.parametrize("how", HARMLESS)
def test_what_is_harmless_passes(postfix: PostfixInstance, how: str) -> None:
    assert send(postfix, in_a_part(HARMLESS[how])) == ""


def test_a_program_that_is_the_message_itself_is_refused(postfix: PostfixInstance) -> None:
    content = b'MIME-Version: 1.0\r\nContent-Type: application/x; name="a.exe"\r\n\r\nMZ\r\n'
    assert send(postfix, content).startswith("550 5.7.1 attachments named *.exe")


def test_a_program_in_an_attached_message_is_refused(postfix: PostfixInstance) -> None:
    inner = in_a_part('Content-Disposition: attachment; filename="a.exe"').decode()
    content = f"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n{inner}".encode()
    assert send(postfix, content).startswith("550 5.7.1 attachments named *.exe")


def test_a_header_as_long_as_postfix_takes_them_does_not_hold_it(postfix: PostfixInstance) -> None:
    header = (
        f'Content-Type: a/b;\n name="{".e" * 20000}";\n{" name*0=.;" * 4000} name==?utf-8?B?{"LmV4" * 5000}?='
    )
    assert send(postfix, in_a_part(header.replace(" name*0", "\n name*0"))) == ""


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_the_address_of_who_is_logged_in_comes_once(postfix: PostfixInstance, address: str) -> None:
    recipients = [f"{name}@ok.test" for name in ("anna", "ben", "carl")]
    claim = {"ADDR": f"IPV6:{address}" if ":" in address else address, "NAME": "pc.example", "LOGIN": "anna"}
    before = len(postfix.remote.deliveries())
    postfix.send("anna@ok.test", *recipients, xclient=claim, content=b"Subject: one\r\n\r\nx\r\n")
    postfix.settle()
    delivered = postfix.remote.deliveries()[before:]
    delivered = tuple(delivery for delivery in delivered if delivery.sender == "anna@ok.test")
    assert sorted(name for delivery in delivered for name in delivery.recipients) == recipients
    for delivery in delivered:
        assert delivery.data.count(b"X-Originating-IP:") == 1
        assert (
            f"X-Originating-IP: [{address}]\r\n".encode() in delivery.data.partition(b"\r\n\r\n")[0] + b"\r\n"
        )


def test_nobody_without_a_login_gets_the_header(postfix: PostfixInstance) -> None:
    before = len(postfix.remote.deliveries())
    postfix.send("me@ok.test", "anna@ok.test", xclient={"ADDR": "192.0.2.7", "NAME": "pc.example"})
    postfix.settle()
    (delivery,) = postfix.remote.deliveries()[before:]
    assert b"X-Originating-IP" not in delivery.data


def test_a_service_without_logins_has_nothing_to_warn_of(postfix: PostfixInstance) -> None:
    before = len(postfix.remote.deliveries())
    with smtplib.SMTP(postfix.address, 26, timeout=30) as client:
        client.sendmail("me@sender.test", ["anna@ok.test"], b"Subject: x\r\n\r\n")
    postfix.settle()
    (delivery,) = postfix.remote.deliveries()[before:]
    assert b"X-Originating-IP" not in delivery.data
    assert "ignored" not in postfix.log.read_text()


def test_a_list_of_ours_is_what_postfix_reads(postfix: PostfixInstance) -> None:
    assert postfix.postconf("smtpd_recipient_restrictions") == (
        "permit_mynetworks, permit_sasl_authenticated, reject_non_fqdn_sender"
    )
    assert postfix.postconf("smtpd_restriction_classes") == "mtatui_client_ip"


@pytest.mark.parametrize(
    ("host", "login"),
    [("[relay.test]:587", "user@example:s3cret: #päss"), ("Relay.Test", "u:p"), ("no.test", "")],
)
def test_the_login_is_found_under_the_relay_host(postfix: PostfixInstance, host: str, login: str) -> None:
    path = postfix.config / tables.RELAY_LOGIN
    ran = postfix.run("postmap", "-q", host, f"{tables.TYPES[tables.RELAY_LOGIN]}:{path}", check=False)
    assert ran.stdout.decode().strip() == login
    assert not ran.stderr
    assert path.stat().st_mode & 0o777 == 0o600

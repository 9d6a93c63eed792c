"""The page Outbound on a real Postfix: what recipients and relays see of it, and who may send."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.stack.names import GOOD, TRUSTED
from tests.stack.remote import DEAD_HOST, HOST, RELAY_HOST, RELAY_PASSWORD, RELAY_USER
from tests.stack.settings import REALM, SettingsInstance, announced

pytestmark = pytest.mark.stack

TAKEN = "250 2.0.0 Ok: queued"
AWAY = ("one@ok.test", "two@ok.test")


@pytest.fixture(scope="module")
def server() -> Iterator[SettingsInstance]:
    with SettingsInstance() as instance:
        yield instance


def test_headers_tell_of_who_is_logged_in_and_of_nobody_else(server: SettingsInstance) -> None:
    def headers(reply: str) -> tuple[list[str], list[str]]:
        header = server.delivered(reply).data.decode().partition("\r\n\r\n")[0]
        assert "\r\nSubject: test" in header
        return (
            re.findall(r"(?mi)^X-Originating-IP: (.*?)\r?$", header),
            re.findall(r"\(Authenticated sender: (\S+)\)", header),
        )

    server.set("outbound.add_client_ip_header=on", "outbound.smtpd_sasl_authenticated_header=on")
    me = server.loopback.address(GOOD)
    for port in (25, 587):
        reply = server.mail("anna@here.test", *AWAY, login="anna", tls=True, port=port)
        assert headers(reply) == ([f"[{me}]"], [f"anna@{REALM}"]), f"port {port}"
    assert headers(server.mail("x@sender.test", *AWAY, source=TRUSTED)) == ([], [])
    assert headers(server.mail("x@sender.test", "known@here.test")) == ([], [])
    server.set("outbound.add_client_ip_header=off", "outbound.smtpd_sasl_authenticated_header=off")
    assert headers(server.mail("anna@here.test", *AWAY, login="anna")) == ([], [])
    assert b"mtatui_client_ip" not in server.main_cf()


def test_authentication_offered_and_required(server: SettingsInstance) -> None:
    def offers(port: int = 25, tls: bool = False) -> bool:
        with server.connect(port=port, tls=tls) as client:
            return client.has_extn("auth")

    assert offers()
    required = server.set("outbound.require_authentication=on")
    reply = server.mail("x@sender.test", *AWAY, source=TRUSTED)
    assert announced("outbound.require_authentication").match(reply), (reply, required.stderr)
    assert server.mail("anna@here.test", *AWAY, source=TRUSTED, login="anna").startswith(TAKEN)
    assert server.mail(source=TRUSTED).startswith(TAKEN), "to our own domain anybody may write"
    server.set("outbound.require_authentication=off", "outbound.smtpd_sasl_auth_enable=off")
    assert server.mail("x@sender.test", *AWAY, source=TRUSTED).startswith(TAKEN)
    assert not offers()
    assert offers(port=587, tls=True), "master.cf says so"
    server.set("outbound.smtpd_sasl_auth_enable=on")
    assert offers()


def test_passwords_only_over_tls(server: SettingsInstance) -> None:
    server.set("outbound.smtpd_tls_auth_only=on")
    with server.connect() as client:
        assert not client.has_extn("auth")
        code, text = client.docmd("AUTH", "PLAIN AGFubmEAcGFzcw==")
        reply = f"{code} {text.decode()}"
        assert announced("outbound.smtpd_tls_auth_only").match(reply), reply
    assert server.mail("anna@here.test", *AWAY, login="anna", tls=True).startswith(TAKEN)
    server.set("outbound.smtpd_tls_auth_only=off")
    assert server.mail("anna@here.test", *AWAY, login="anna").startswith(TAKEN)


def test_tls_of_incoming_connections(server: SettingsInstance) -> None:
    server.set("outbound.smtpd_tls_security_level=encrypt")
    reply = server.mail()
    assert announced("outbound.smtpd_tls_security_level").match(reply), reply
    assert server.mail(tls=True).startswith(TAKEN)
    server.set("outbound.smtpd_tls_security_level=none")
    with server.connect() as client:
        assert not client.has_extn("starttls")
    with server.connect(port=587) as client:
        assert client.has_extn("starttls"), "its -o says that it wants TLS"
    server.set("outbound.smtpd_tls_security_level=may")
    with server.connect() as client:
        assert client.has_extn("starttls")


def test_networks(server: SettingsInstance) -> None:
    stranger = f"{server.loopback.address(GOOD)}/32"
    refused = announced("inbound.reject_unauth_destination")
    assert refused.match(server.mail("x@sender.test", *AWAY))
    server.set(f"outbound.mynetworks+={stranger}")
    assert server.mail("x@sender.test", *AWAY).startswith(TAKEN)
    assert server.mail("x@sender.test", *AWAY, source=TRUSTED).startswith(TAKEN)
    server.set(f"outbound.mynetworks-={stranger}")
    assert refused.match(server.mail("x@sender.test", *AWAY))
    whole = f"127.77.{server.loopback.number}.0/24"
    before = server.main_cf()
    server.set(f"outbound.mynetworks={whole.replace('.0/24', '.1/24')}", code=2)
    assert server.main_cf() == before
    server.set(f"outbound.mynetworks=127.0.0.1/32 !{stranger} {whole}")
    assert refused.match(server.mail("x@sender.test", *AWAY))
    assert server.mail("x@sender.test", *AWAY, source=TRUSTED).startswith(TAKEN)


def test_names(server: SettingsInstance) -> None:
    server.set(
        "outbound.smtp_helo_name=helo.sender.test",
        "outbound.myhostname=mx9.sender.test",
        "outbound.mydomain=sender.test",
        "outbound.myorigin=origin.test",
    )
    with server.connect() as client:
        assert client.ehlo_resp is not None
        assert client.ehlo_resp.split(b"\n")[0] == b"mx9.sender.test"
    server.submit(b"Subject: names\n\nHello.\n", "-f", "root", "someone@ok.test")
    [delivery] = server.wait_until(
        lambda: [one for one in server.remote.deliveries() if b"Subject: names" in one.data], "the delivery"
    )
    assert delivery.helo == "helo.sender.test"
    assert delivery.sender == "root@origin.test"
    assert b"by mx9.sender.test (Postfix" in delivery.data
    server.set(
        "outbound.smtp_helo_name=$myhostname",
        "outbound.myhostname=mail.stack.test",
        "outbound.mydomain=stack.test",
        "outbound.myorigin=$myhostname",
    )
    assert server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED)).helo == "mail.stack.test"


def test_sizes(server: SettingsInstance) -> None:
    server.set("outbound.message_size_limit=20k")
    big = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400
    told = server.mail(size=30_000)
    assert announced("outbound.message_size_limit").match(told), told
    assert server.mail(content=big).startswith("552 5.3.4 "), "whatever it says of its size before"
    server.set("outbound.message_size_limit=10M")
    assert server.mail(size=30_000, content=big).startswith(TAKEN)


# -- relays ------------------------------------------------------------------------------------------------


@pytest.fixture
def relay(server: SettingsInstance) -> Iterator[str]:
    """A relay that wants a login inside TLS; afterwards mail goes its old way."""
    server.remote.certificate = server.certificate
    yield f"[{server.loopback.address(RELAY_HOST)}]:25"
    direct = f"[{server.loopback.address(HOST)}]:25"
    server.set(
        f"outbound.relayhost={direct}", "outbound.relay_login=", "outbound.smtp_tls_security_level=none"
    )
    assert server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED)).user == ""


def undelivered(server: SettingsInstance, reply: str) -> str:
    """What the log says of a message that was not delivered: its status, and why."""
    [id] = re.findall(r"queued as (\w+)", reply)
    said = re.compile(rf" {id}: to=.* status=(.*)")
    [status, *_] = server.wait_until(lambda: said.findall(server.log.read_text()), "its delivery")
    if status.startswith("deferred"):
        server.wait_until(lambda: id in server.queue_ids("deferred"), "its deferral")
        server.postsuper("d", [id])
    return str(status)


def test_a_relay_with_and_without_a_login_and_tls(server: SettingsInstance, relay: str) -> None:
    login = f"{RELAY_USER}:-"
    done = server.set(
        f"outbound.relayhost={relay}",
        f"outbound.relay_login={login}",
        "outbound.smtp_tls_security_level=may",
        input=f"{RELAY_PASSWORD}\n",
    )
    delivery = server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED))
    assert (delivery.user, delivery.tls, delivery.recipients) == (RELAY_USER, True, AWAY)

    told = [done.stdout, done.stderr, server.mtatui("history", "show", "1").stdout]
    told += [server.mtatui("settings", *words).stdout for words in (["export"], ["show", "--json"])]
    told.append(server.log.read_text("utf-8", "replace"))
    assert not any(RELAY_PASSWORD in text for text in told)
    holding = [
        path
        for path in server.root.rglob("*")
        if path.is_file() and RELAY_PASSWORD.encode() in path.read_bytes()
    ]
    assert holding
    assert {path.stat().st_mode & 0o077 for path in holding} == {0}, "for root only"

    server.set("outbound.relay_login=")
    status = undelivered(server, server.mail("x@sender.test", *AWAY, source=TRUSTED))
    assert "Authentication required" in status


def test_a_relay_without_tls_gets_no_password_by_accident(server: SettingsInstance, relay: str) -> None:
    server.remote.certificate = None
    wanted = (f"outbound.relayhost={relay}", f"outbound.relay_login={RELAY_USER}:-")
    before = server.main_cf()
    refused = server.set(*wanted, input=f"{RELAY_PASSWORD}\n", options=(), code=3)
    assert "crosses the network in clear" in refused.stderr
    assert server.main_cf() == before
    server.set(*wanted, "outbound.smtp_tls_security_level=encrypt", input=f"{RELAY_PASSWORD}\n", options=())
    status = undelivered(server, server.mail("x@sender.test", *AWAY, source=TRUSTED))
    assert "TLS is required, but was not offered" in status
    server.set("outbound.smtp_tls_security_level=none")
    delivery = server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED))
    assert (delivery.user, delivery.tls) == (RELAY_USER, False), "the risk was accepted"


def test_the_fallback_gets_what_the_relay_does_not(server: SettingsInstance) -> None:
    direct, dead = (f"[{server.loopback.address(host)}]:25" for host in (HOST, DEAD_HOST))
    server.set(f"outbound.relayhost={dead}", f"outbound.smtp_fallback_relay={direct}")
    delivery = server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED))
    assert delivery.recipients == AWAY
    server.set("outbound.smtp_fallback_relay=")
    assert "refused" in undelivered(server, server.mail("x@sender.test", *AWAY, source=TRUSTED))
    server.set(f"outbound.relayhost={direct}")
    assert server.delivered(server.mail("x@sender.test", *AWAY, source=TRUSTED)).recipients == AWAY

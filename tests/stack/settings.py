"""A private Postfix whose settings are changed by the command line, and clients that see what came of it.

It lives in a world with names (`tests.stack.names`), has logins (Cyrus sasldb), a certificate, a domain of
its own (``here.test``, delivered to the fake remote, where one can look at it), and a submission service that
says otherwise than main.cf.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import smtplib
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from mtatui.settings.catalogue import ALL
from tests.stack.certificate import Certificate
from tests.stack.names import GOOD, TRUSTED, Names
from tests.stack.postfix import MASTER_CF, PostfixInstance
from tests.stack.remote import HOST, Delivery

ROOT = Path(__file__).parents[2]
REALM = "stack.test"
#: Who can log in, and the password.
USERS = {"anna": "anna's secret", "bert": "bert's secret"}
#: The addresses of here that there are.
KNOWN = ("known@here.test", "anna@here.test", "bert@here.test", "known@shorthost")

SUBMISSION = """\
{address}:587 inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_helo_required=no
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
{address}:465 inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
"""
SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: {directory}/sasldb2
"""
#: What an admin has written about his server: none of it is ours.
BY_HAND = """\
# -- by hand, do not touch ------------------------------------------------------
# anna, 2019: the printer needs this
smtpd_client_restrictions =
    check_client_access
        texthash:{config}/clients,
    # the scanner, too
    permit

smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated reject_unauth_destination
smtpd_recipient_restrictions = permit_mynetworks
\t# customers
\tcheck_recipient_access texthash:{config}/recipients
    permit_sasl_authenticated,
    reject_unauth_destination
#relayhost = [never.example]
header_size_limit   =   102400
"""


class SettingsInstance(PostfixInstance):
    """A Postfix whose settings one changes; ``parameters`` go over its own."""

    def __init__(self, by_hand: str = BY_HAND, **parameters: str) -> None:
        self.by_hand = by_hand
        super().__init__(**parameters)
        self.names = Names(self.loopback)

    def __enter__(self) -> Self:
        self.names.start()
        try:
            return super().__enter__()
        except BaseException:
            self.names.stop()
            raise

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.names.stop()

    def in_its_world(self, argv: Any) -> list[str]:
        """With the resolver of its own world, in a mount namespace where that is /etc/resolv.conf."""
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", str(self.names.resolv_conf(self.root)), *argv]

    def _parameters(self) -> dict[str, str]:
        config = self.config
        remote = f"smtp:[{self.loopback.address(HOST)}]:25"
        return super()._parameters() | {
            "smtpd_peername_lookup": "yes",
            "smtpd_authorized_xclient_hosts": "",
            "mynetworks": f"127.0.0.1/32 {self.loopback.address(TRUSTED)}/32",
            "mydestination": "here.test, shorthost",
            "local_recipient_maps": f"inline:{{ {', '.join(f'{one}=x' for one in KNOWN)} }}",
            "local_transport": remote,
            "relay_domains": "gone.test",
            "cyrus_sasl_config_path": f"{config}/sasl",
            "smtpd_sasl_local_domain": REALM,
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_tls_cert_file": f"{config}/mail.pem",
            "smtpd_tls_key_file": f"{config}/mail.key",
            "smtpd_tls_security_level": "may",
            "smtpd_error_sleep_time": "0",
            "smtpd_hard_error_limit": "1000",
            "smtpd_client_new_tls_session_rate_limit": "0",
        }

    def _make(self) -> None:
        super()._make()
        sasl = self.config / "sasl"
        sasl.mkdir()
        (sasl / "smtpd.conf").write_text(SASL.format(directory=sasl))
        for user, password in USERS.items():
            subprocess.run(
                ["saslpasswd2", "-c", "-p", "-f", str(sasl / "sasldb2"), "-u", REALM, user],
                input=password.encode(), check=True, capture_output=True, timeout=30,
            )  # fmt: skip
        (sasl / "sasldb2").chmod(0o644)
        self.certificate = Certificate(self.config, "mail")
        for table in ("clients", "recipients"):
            (self.config / table).write_text("192.0.2.1 OK\n")
        (self.config / "owners").write_text(
            "anna@here.test anna@stack.test\nbert@here.test bert@stack.test\n"
        )
        master = MASTER_CF.format(address=self.address)
        extra = "tlsmgr unix - - n 1000? 1 tlsmgr\nscache unix - - n - 1 scache\n"
        (self.config / "master.cf").write_text(master + SUBMISSION.format(address=self.address) + extra)

    def configure(self, **parameters: str) -> None:
        """As ever, with what the admin has written by hand at the end."""
        super().configure(**parameters)
        path = self.config / "main.cf"
        with path.open("a") as file:
            file.write(self.by_hand.format(config=self.config))
        os.utime(path, (0, 0))

    def main_cf(self) -> bytes:
        """The bytes of main.cf."""
        return (self.config / "main.cf").read_bytes()

    # -- mtatui ----------------------------------------------------------------------------------------------

    def mtatui(
        self, *arguments: str, input: str = "", code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run mtatui on it, in its world; its exit code must be this one."""
        done = subprocess.run(
            self.in_its_world([sys.executable, "-m", "mtatui", "-c", str(self.config), *arguments]),
            cwd=ROOT, input=input, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{done.stdout}{done.stderr}\n{self.tail()}"
        assert "Traceback" not in done.stderr
        return done

    def set(
        self,
        *assignments: str,
        code: int | None = 0,
        options: tuple[str, ...] = ("--accept-risk",),
        input: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Set some settings, and have new smtpd processes: nobody talks to one that is on its way out."""
        return self.mtatui("settings", "set", *assignments, "--yes", *options, input=input, code=code)

    def shown(self, key: str = "") -> dict[str, Any]:
        """The settings as `settings show --json` tells them, by key."""
        told = self.mtatui("settings", "show", *([key] if key else []), "--json").stdout
        found: dict[str, Any] = json.loads(told)["settings"]
        return found

    def entries(self) -> list[dict[str, Any]]:
        """The history of its settings, the last first."""
        told = json.loads(self.mtatui("history", "list", "--json").stdout)
        return [entry for entry in told if entry["kind"] == "settings"]

    # -- clients ---------------------------------------------------------------------------------------------

    def connect(
        self,
        source: int = GOOD,
        port: int = 25,
        *,
        tls: bool = False,
        login: str = "",
        helo: str = "client.test",
    ) -> smtplib.SMTP:
        """A client that has greeted, with TLS begun and logged in if that is wanted."""
        session = smtplib.SMTP(
            self.address, port, local_hostname=helo, timeout=30,
            source_address=(self.loopback.address(source), 0),
        )  # fmt: skip
        session.ehlo(helo)
        if tls:
            session.starttls(context=self.certificate.client_context())
            session.ehlo(helo)
        if login:
            session.login(f"{login}@{REALM}", USERS[login])
        return session

    def mail(
        self,
        sender: str = "someone@sender.test",
        *recipients: str,
        source: int = GOOD,
        port: int = 25,
        helo: str = "client.test",
        greets: bool = True,
        tls: bool = False,
        login: str = "",
        content: bytes = b"Subject: test\r\n\r\nHello.\r\n",
        size: int = 0,
    ) -> str:
        """Send one message: the first reply that is not a yes, else the last one."""
        if greets:
            session = self.connect(source, port, tls=tls, login=login, helo=helo)
        else:
            session = smtplib.SMTP(
                self.address, port, timeout=30, source_address=(self.loopback.address(source), 0)
            )
        with contextlib.closing(session):
            said = f" SIZE={size}" if size else ""
            for command in (
                f"MAIL FROM:<{sender}>{said}",
                *(f"RCPT TO:<{to}>" for to in recipients or ["known@here.test"]),
            ):
                code, text = session.docmd(command)
                if code >= 400:
                    return _told(code, text)
            code, text = session.docmd("DATA")
            if code < 400:
                session.send(content + b".\r\n")
                code, text = session.getreply()
            session.docmd("QUIT")
        return _told(code, text)

    @staticmethod
    def hand_over(session: smtplib.SMTP, content: bytes) -> str:
        """Send a message in a session that goes on: the reply to it."""
        for command in ("MAIL FROM:<someone@sender.test>", "RCPT TO:<known@here.test>"):
            code, text = session.docmd(command)
            assert code == 250, text
        assert session.docmd("DATA")[0] == 354
        session.send(content + b".\r\n")
        return _told(*session.getreply())

    def delivered(self, reply: str) -> Delivery:
        """What arrived at the remote of a message that was taken with this reply."""
        [id] = re.findall(r"queued as (\w+)", reply)

        def found() -> list[Delivery]:
            return [one for one in self.remote.deliveries() if f"id {id}".encode() in one.data]

        [delivery] = self.wait_until(found, "the delivery")
        return delivery

    def warned(self, since: int, reply: str) -> list[str]:
        """What smtpd would have refused (`warn_if_reject`) of a message that was taken, by its reply and the
        log from an offset on."""
        [id] = re.findall(r"queued as (\w+)", reply)

        def log() -> str:
            with self.log.open("rb") as file:
                file.seek(since)
                return file.read().decode("utf-8", "replace")

        self.wait_until(lambda: f" {id}: message-id=" in log(), "its place in the log")
        return re.findall(r"reject_warning: \w+ from \S+: (.*)", log())


def announced(key: str) -> re.Pattern[str]:
    """The reply that a page announces for a setting, as a pattern: what stands in <> is anything."""
    reply = ALL[key].reply
    assert reply, f"{key} announces no reply"
    return re.compile(".+?".join(map(re.escape, re.split(r"<[^>]*>", reply))))


def _told(code: int, text: bytes) -> str:
    return f"{code} {text.decode('utf-8', 'replace')}"

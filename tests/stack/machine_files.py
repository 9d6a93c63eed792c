"""The configuration of a private machine: what an admin has written who followed the packages' READMEs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.stack.machine_init import ADDRESS, HOSTNAME
from tests.stack.machine_world import MAILBOXES, NAMES
from tests.stack.postfix import MASTER_CF, PRIVATE_DIRECTORIES

if TYPE_CHECKING:
    from tests.stack.machine import Machine

__all__ = ["ADDRESS", "ANSWERS", "DOMAIN", "HOSTNAME", "points", "write"]

DOMAIN = "example.test"

#: How one sees that a service answers: where, what one says, what it begins to say.
ANSWERS: dict[str, tuple[str | tuple[str, int], bytes, bytes]] = {
    "postfix": (("127.0.0.1", 25), b"", b"220 "),
    "amavis": (("127.0.0.1", 10024), b"", b"220 "),
    "clamav-daemon": ("/run/clamav/clamd.ctl", b"zPING\0", b"PONG"),
    "opendkim": (("127.0.0.1", 8891), b"", b""),
    "spamd": (("127.0.0.1", 783), b"PING SPAMC/1.2\r\n\r\n", b"SPAMD/"),
    "clamav-freshclam": ("/var/log/clamav/freshclam.log", b"", b""),
}

_MAIN_CF = f"""\
# The machine of a test
compatibility_level = 3.6
myhostname = {HOSTNAME}
mydomain = {DOMAIN}
mydestination = $myhostname, $mydomain
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
local_transport = smtp:[{MAILBOXES[0]}]:{MAILBOXES[1]}
default_transport = $local_transport
smtp_tls_security_level = none
smtpd_tls_security_level = none
notify_classes =
"""
_MILTER = """\
smtpd_milters = inet:127.0.0.1:8891
non_smtpd_milters = $smtpd_milters
"""
#: What Debian's master.cf has besides ours.
_MORE_SERVICES = "tlsmgr unix - - n 1000? 1 tlsmgr\nscache unix - - n - 1 scache\n"
#: README.postfix of amavisd-new.
_FILTER = "content_filter = smtp-amavis:[127.0.0.1]:10024\n"
_REINJECTION = """\
smtp-amavis unix - - n - 2 smtp
  -o smtp_data_done_timeout=1200
  -o smtp_send_xforward_command=yes
  -o disable_dns_lookups=yes
  -o max_use=20
127.0.0.1:10025 inet n - n - - smtpd
  -o content_filter=
  -o local_recipient_maps=
  -o relay_recipient_maps=
  -o smtpd_restriction_classes=
  -o smtpd_delay_reject=no
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o mynetworks_style=host
  -o mynetworks=127.0.0.0/8
  -o strict_rfc821_envelopes=yes
  -o smtpd_error_sleep_time=0
  -o smtpd_soft_error_limit=1001
  -o smtpd_hard_error_limit=1000
  -o smtpd_milters=
  -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
"""
_AMAVIS = """\
use strict;
# anna, 2024: two are enough
$max_servers = 2;
#------------ Do not modify anything below this line -------------
1;  # ensure a defined return
"""
_OPENDKIM = """\
Syslog yes
Mode sv
Canonicalization relaxed/simple
OversignHeaders From
UserID opendkim
UMask 007
Socket inet:8891@127.0.0.1
PidFile /run/opendkim/opendkim.pid
Nameservers 192.0.2.53
ResolverConfiguration /etc/opendkim-resolver.conf
InternalHosts 127.0.0.1
KeyTable /etc/dkimkeys/keytable
SigningTable refile:/etc/dkimkeys/signingtable
"""
#: libunbound by itself knows that there is nothing below "test" (RFC 6761).
_RESOLVER = 'server:\n  local-zone: "test." nodefault\n'
_SPAMASSASSIN = r"""
body GTUBE /XJS\*C4JDBQADN1\.NSBN3\*2IDNEN\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\*C\.34X/
describe GTUBE Generic Test for Unsolicited Bulk Email
score GTUBE 1000
"""
#: EICAR's test file, as a signature (clamav's .ndb format: name, type, offset, hexadecimal).
_SIGNATURES = f"Eicar-Test:0:0:{b'X5O!P%@AP[4'.hex()}\n"
#: Hundredths of a point, each a rule of its own.
_POINTS = [2**power for power in range(13)]


def points(score: float) -> str:
    """The header that makes SpamAssassin give exactly these points."""
    hundredths = round(score * 100)
    assert 0 <= hundredths < 2 * _POINTS[-1], f"{score} cannot be made of the rules"
    return " ".join(f"p{part}" for part in _POINTS if hundredths & part)


def _rules() -> str:
    lines = [_SPAMASSASSIN]
    for part in _POINTS:
        lines += [
            rf"header MACHINE_{part} X-Points =~ /\bp{part}\b/",
            f"describe MACHINE_{part} Worth {part / 100:.2f} points",
            f"score MACHINE_{part} {part / 100:.2f}",
        ]
    return "\n".join(lines) + "\n"


def write(machine: Machine) -> None:
    """Write it all, over what the packages brought."""
    put(machine, "/etc/resolv.conf", f"nameserver {NAMES[0]}\noptions timeout:2 attempts:1\n")
    put(machine, "/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {HOSTNAME} mail\n")
    put(machine, "/etc/hostname", f"{HOSTNAME}\n")
    put(machine, "/etc/mailname", f"{DOMAIN}\n")
    _postfix(machine)
    if "amavis" in machine.services:
        _amavis(machine)
    _spamassassin(machine)
    _clamav(machine)
    if "opendkim" in machine.services:
        _opendkim(machine)


def put(machine: Machine, path: str, text: str, *, append: bool = False) -> Path:
    """Write a file of the machine, two minutes old: Postfix's commands wait for younger ones."""
    there = machine.path(path)
    if there.is_symlink():
        there.unlink()
    with there.open("a" if append else "w") as file:
        file.write(text)
    old = os.stat(there).st_mtime - 120
    os.utime(there, (old, old))
    return there


def _postfix(machine: Machine) -> None:
    filtered, milter = "amavis" in machine.services, "opendkim" in machine.services
    put(machine, "/etc/postfix/main.cf", _MAIN_CF + _FILTER * filtered + _MILTER * milter)
    master = MASTER_CF.replace("{address}:25 ", "smtp ") + _MORE_SERVICES + _REINJECTION * filtered
    put(machine, "/etc/postfix/master.cf", master)
    queue = machine.path("/var/spool/postfix")
    for name, mode, group in [
        *((name, 0o700, "root") for name in PRIVATE_DIRECTORIES),
        ("maildrop", 0o730, "postdrop"),
        ("public", 0o710, "postdrop"),
    ]:
        (queue / name).mkdir()
        (queue / name).chmod(mode)
        shutil.chown(queue / name, "postfix", group)
    (queue / "pid").mkdir()


def _amavis(machine: Machine) -> None:
    put(machine, "/etc/amavis/conf.d/50-user", _AMAVIS)
    mode = machine.path("/etc/amavis/conf.d/15-content_filter_mode")
    if machine.checks:  # README.Debian: "To enable them, edit …"
        text = re.sub(r"(?m)^#(@bypass_|   \\%bypass_)", r"\1", mode.read_text())
        assert text.count("\n@bypass_") == 2, text
        mode.write_text(text)
    if machine.one_file:
        _join(machine)
    # README.Debian: "add the clamav user to the amavis group".
    group = machine.path("/etc/group")
    group.write_text(re.sub(r"(?m)^(amavis:[^:]*:\d+:)$", r"\1clamav", group.read_text()))


def _join(machine: Machine) -> None:
    """Have amavis's configuration be one file, as on Fedora, that its init script names."""
    debian = sorted(Path("/usr/share/amavis/conf.d").iterdir())
    parts = sorted(machine.path("/etc/amavis/conf.d").iterdir())
    texts = [re.sub(r"(?m)^(use strict;|1;.*)$", "", path.read_text()) for path in (*debian, *parts)]
    machine.run(["rm", "-r", "/etc/amavis/conf.d"])
    machine.path("/etc/amavisd").mkdir()
    put(
        machine,
        "/etc/amavisd/amavisd.conf",
        "\n".join(["use strict;", *texts, "1;  # ensure a defined return\n"]),
    )
    script = machine.path("/etc/init.d/amavis")
    script.write_text(script.read_text().replace("\nPARAMS=\n", '\nPARAMS="-c /etc/amavisd/amavisd.conf"\n'))


def _spamassassin(machine: Machine) -> None:
    own = Path("/usr/share/spamassassin")
    if machine.rules:
        put(machine, "/etc/spamassassin/machine.cf", _rules())
        return
    # Beside ours only those of DKIM: the points of others would come on top.
    dkim = (own / "25_dkim.cf").read_text()
    scores = re.findall(r"(?m)^score DKIM_.*$", (own / "50_scores.cf").read_text())
    machine.run(["mount", "-t", "tmpfs", "tmpfs", str(own)])
    put(machine, f"{own}/10_machine.cf", "\n".join([_rules(), dkim, *scores, ""]))


def _clamav(machine: Machine) -> None:
    database = machine.path("/var/lib/clamav")
    (database / "private.ndb").write_text(_SIGNATURES)
    shutil.chown(database / "private.ndb", "clamav", "clamav")
    # The init script wants official signatures; clamd does not mind.
    for name in ("main.inc", "daily.inc"):
        (database / name).mkdir()


def _opendkim(machine: Machine) -> None:
    put(machine, "/etc/opendkim.conf", _OPENDKIM)
    put(machine, "/etc/opendkim-resolver.conf", _RESOLVER)
    put(machine, "/etc/default/opendkim", "RUNDIR=/run/opendkim\nUSER=opendkim\nGROUP=opendkim\n")
    keys = machine.path("/etc/dkimkeys")
    private = keys / "mail.private"
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    private.write_bytes(made)
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=made, capture_output=True, check=True
    ).stdout
    import base64

    machine.names.publish(
        f"mail._domainkey.{DOMAIN}", f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    )
    put(machine, "/etc/dkimkeys/keytable", f"mail {DOMAIN}:mail:/etc/dkimkeys/mail.private\n")
    put(machine, "/etc/dkimkeys/signingtable", f"*@{DOMAIN} mail\n")
    private.chmod(0o600)
    for path in keys.iterdir():
        shutil.chown(path, "opendkim", "opendkim")

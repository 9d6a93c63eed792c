"""Private filters beside a private Postfix: amavisd, spamd, clamd, freshclam, opendkim, a policy service.

Each is started in the foreground, by its process, on the loopback network of the instance; nothing of this
machine's own configuration is read or changed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mtatui.backends.filters.places import Places
from tests.stack.postfix import PostfixInstance

#: The commands that must be there, for `scripts/install-daemons` and the tests.
COMMANDS = ("amavisd", "spamd", "spamc", "clamd", "freshclam", "opendkim", "nsenter", "pkill")

#: EICAR's test file, as a signature (clamav's .ndb format: name, type, offset, hexadecimal).
_SIGNATURE = f"Eicar-Test:0:0:{b'X5O!P%@AP[4'.hex()}\n"

_AMAVIS = """\
use strict;
$max_servers = 1;
$daemon_user = 'amavis';
$daemon_group = 'amavis';
$mydomain = 'example.test';
$myhostname = 'mx.example.test';
$MYHOME = '{home}';
$TEMPBASE = '{home}';
$db_home = '{home}';
$pid_file = '{home}/amavisd.pid';
$lock_file = '{home}/amavisd.lock';
$enable_db = 0;
$enable_zmq = 0;
$do_syslog = 0;
$log_level = 0;
$inet_socket_bind = '{address}';
$inet_socket_port = 10024;
@inet_acl = qw(127.0.0.0/8);
@bypass_virus_checks_maps = (1);
@bypass_spam_checks_maps = (1);
1;
"""


class Daemons:
    """The filters, and the Postfix that asks them; alive inside ``with``."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="mtatui-daemons-", dir="/tmp"))
        self.root.chmod(0o755)
        self.postfix = PostfixInstance(smtpd_sasl_auth_enable="yes")
        self.address = self.postfix.address
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._policy = _PolicyServer((self.address, 10023), _Policy)
        self._configure()

    @property
    def places(self) -> Places:
        """Where the files of the daemons are, as `mtatui.backends.services.Services` takes them."""
        return Places(
            clamd=(f"{self.root}/clamd.conf",),
            freshclam=(f"{self.root}/freshclam.conf",),
            opendkim=(f"{self.root}/opendkim.conf",),
            sasl=(f"{self.root}/smtpd.conf",),
        )

    def __enter__(self) -> Self:
        threading.Thread(target=self._policy.serve_forever, daemon=True).start()
        for name in self._argv:
            self.start(name)
        self.postfix.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self._policy.shutdown()
        self._policy.server_close()
        self.postfix.__exit__()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self, name: str) -> None:
        """Start a daemon; it is not waited for."""
        log = (self.root / f"{name}.out").open("wb")
        with log:
            self.processes[name] = subprocess.Popen(
                self._argv[name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill a daemon with all its children."""
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Have a daemon stand still, with all its children."""
        group = self.processes[name].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    # -- inside ----------------------------------------------------------------------------------------------

    @property
    def _argv(self) -> dict[str, list[str]]:
        root = self.root
        return {
            "clamd": ["clamd", "--foreground", "-c", f"{root}/clamd.conf"],
            "freshclam": ["freshclam", "-d", "--foreground", f"--config-file={root}/freshclam.conf"],
            "opendkim": ["opendkim", "-f", "-x", f"{root}/opendkim.conf"],
            "amavis": ["amavisd", "-c", f"{root}/amavisd.conf", "foreground"],
            "spamd": [
                "spamd", "-i", self.address, "-p", "7830", "-A", "127.0.0.0/8", "-L", "-m", "1", "-x",
                "-u", "nobody", "-s", "stderr",
            ],
        }  # fmt: skip

    def _configure(self) -> None:
        root, address = self.root, self.address
        database = root / "database"
        database.mkdir()
        (database / "test.ndb").write_text(_SIGNATURE)
        (root / "clamd.conf").write_text(
            f"# of a test\nLocalSocket {root}/clamd.ctl\nPidFile {root}/clamd.pid\nForeground yes\n"
            f"DatabaseDirectory {database}\n"
        )
        (root / "freshclam.conf").write_text(
            f"DatabaseMirror http://{address}:9\nDatabaseDirectory {database}\nDatabaseOwner root\n"
            f"PidFile {root}/freshclam.pid\nUpdateLogFile {root}/freshclam.log\n"
        )
        (root / "opendkim.conf").write_text(
            f"Socket inet:8891@{address}\nMode v\nPidFile {root}/opendkim.pid\nUserID nobody\n"
        )
        entry = pwd.getpwnam("amavis")
        home = root / "amavis"
        home.mkdir()
        os.chown(home, entry.pw_uid, entry.pw_gid)
        (root / "amavisd.conf").write_text(_AMAVIS.format(home=home, address=address))
        self.postfix.configure(
            smtpd_milters=f"inet:{address}:8891",
            non_smtpd_milters="$smtpd_milters",
            content_filter=f"smtp-amavis:[{address}]:10024",
            smtpd_recipient_restrictions=f"reject_unauth_destination, "
            f"check_policy_service {{ inet:{address}:10023, timeout=10s, default_action=DUNNO }}",
        )
        master = self.postfix.config / "master.cf"
        master.write_text(
            f"{master.read_text()}{address}:2525 inet n - n - - smtpd -o content_filter=spamcheck:dummy\n"
            f"spamcheck unix - n n - - pipe user=nobody argv=/usr/bin/spamc -d {address} -p 7830\n"
        )


class _Policy(socketserver.StreamRequestHandler):
    """Lets everything pass (Postfix's SMTPD_POLICY_README)."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            if line == b"\n":
                self.wfile.write(b"action=DUNNO\n\n")


class _PolicyServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

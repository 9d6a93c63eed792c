"""A private Postfix: its own directories, its own loopback address, nothing of the machine's mail touched.

`PostfixInstance` is started in the foreground by its process id and stopped by it. Commands get ``-c DIR``
(root needs no ``/etc/postfix/main.cf`` for that); an ordinary user is not allowed a ``-c`` of his own, so
`PostfixInstance.as_user` lays the private directory over ``/etc/postfix`` in a mount namespace.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.stack.loopback import Loopback
from tests.stack.remote import FakeRemote
from tests.stack.smtp import send_message

T = TypeVar("T")

#: The host number of the instance on its network, and the one its clients come from.
MX, CLIENT = 1, 20

#: Those of the queue directory that only Postfix itself enters.
PRIVATE_DIRECTORIES = (
    "active", "bounce", "corrupt", "defer", "deferred", "flush",
    "hold", "incoming", "private", "saved", "trace",
)  # fmt: skip

MASTER_CF = """\
{address}:25 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class PostfixInstance:
    """One private Postfix and its remote world, alive inside ``with``.

    ``parameters`` go into its main.cf, over the defaults of `_parameters`.
    """

    def __init__(self, **parameters: str) -> None:
        self.loopback = loopback = Loopback()
        self.remote = FakeRemote(loopback)
        self.address = loopback.address(MX)
        # Not pytest's tmp_path: Postfix drops its privileges and could not enter that.
        self.root = Path(tempfile.mkdtemp(prefix=f"mtatui-postfix-{loopback.number}-", dir="/tmp"))
        self.root.chmod(0o755)
        self.config = self.root / "etc"
        self.queue = self.root / "queue"
        self.log = self.root / "maillog"
        self.parameters = self._parameters() | self.remote.parameters() | parameters
        self.master: subprocess.Popen[bytes] | None = None
        self._make()

    # -- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.remote.start()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.halt()
        self.remote.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        self.loopback.release()

    def start(self) -> None:
        """Start the master and wait until it greets clients and keeps a queue."""
        daemon_directory = self.postconf("daemon_directory")
        self.master = subprocess.Popen(
            self.in_its_world([f"{daemon_directory}/master", "-c", str(self.config)]),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait_until(self._greets, "a greeting")

    def halt(self) -> None:
        """Stop the daemons and keep the queue."""
        if self.master is None:
            return
        if self.master.poll() is None:
            self.master.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.master.wait(10)
        self.kill_master()

    def kill_master(self) -> None:
        """Kill the master and its daemons the hard way, as a power cut would."""
        assert self.master is not None
        # They are one process group, the master's own: nobody else is in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.master.pid, signal.SIGKILL)
        self.master.wait(10)
        self.master = None

    def pids(self, daemon: str) -> list[int]:
        """The processes of this instance that run a daemon (``qmgr``, ``pickup``, …)."""
        assert self.master is not None
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended while we looked
                pid, name, _state, _parent, group = stat.read_text().split()[:5]
                if name == f"({daemon})" and int(group) == self.master.pid:
                    found.append(int(pid))
        return found

    @contextlib.contextmanager
    def frozen(self, daemon: str) -> Iterator[None]:
        """Have a resident daemon stand still: without ``qmgr`` mail stays in incoming, without ``pickup`` in
        maildrop."""
        pids = self.wait_until(lambda: self.pids(daemon), f"a process of {daemon}")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def configure(self, **parameters: str) -> None:
        """Change main.cf: commands see it at once, daemons after a reload."""
        self.parameters.update(parameters)
        path = self.config / "main.cf"
        path.write_text("".join(f"{name} = {value}\n" for name, value in self.parameters.items()))
        # Postfix's commands wait until main.cf is two seconds old.
        old = time.time() - 10
        os.utime(path, (old, old))

    def reload(self, **parameters: str) -> None:
        """Change parameters, and have the daemons read them."""
        self.configure(**parameters)
        self.run("postfix", "reload")

    # -- commands --------------------------------------------------------------------------------------------

    def argv(self, command: str, *arguments: str) -> list[str]:
        """A Postfix command line for this instance."""
        return [command, "-C" if command == "sendmail" else "-c", str(self.config), *arguments]

    def run(
        self, command: str, *arguments: str, input: bytes = b"", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a Postfix command as root."""
        done = subprocess.run(
            self.argv(command, *arguments), input=input, capture_output=True, timeout=60, check=False
        )
        assert not check or done.returncode == 0, f"{done.args}: rc {done.returncode}: {done.stderr.decode()}"
        return done

    def as_user(self, argv: Sequence[str], user: str = "nobody") -> list[str]:
        """The command line that runs ``argv`` as a user for whom this is the machine's own Postfix."""
        entry = pwd.getpwnam(user)
        script = 'mount --bind "$1" /etc/postfix && shift && exec "$@"'
        drop = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        return ["unshare", "-m", "sh", "-c", script, "sh", str(self.config), *drop, *argv]

    def in_its_world(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs the daemons; an instance with names of its own overrides it."""
        return list(argv)

    def postconf(self, name: str) -> str:
        """The effective value of a parameter."""
        return self.run("postconf", "-h", name).stdout.decode().strip()

    def postsuper(self, option: str, ids: Iterable[str]) -> bytes:
        """Run ``postsuper -<option> -`` over queue IDs; its narration."""
        return self.run("postsuper", f"-{option}", "-", input="\n".join([*ids, ""]).encode()).stderr

    def wake(self, daemon: str) -> None:
        """Have ``pickup`` look into maildrop, or ``qmgr`` into incoming: by themselves they take minutes.

        A daemon that is just being restarted hears nothing.
        """
        self.run("postkick", "public", daemon, {"pickup": "W", "qmgr": "IA"}[daemon], check=False)

    # -- mail ------------------------------------------------------------------------------------------------

    def send(self, sender: str | bytes, *recipients: str | bytes, **options: Any) -> str:
        """Send one message by SMTP; its queue ID. For the options see `tests.stack.smtp.send_message`."""
        options.setdefault("source", self.loopback.address(CLIENT))
        return send_message(self.address, sender, recipients, **options)

    def flood(self, count: int, sender: str, recipient: str, size: int = 500) -> None:
        """Send many small messages at once, with numbered recipients (``1recipient``, ``2recipient`` …)."""
        subprocess.run(
            ["smtp-source", "-c", "-d", "-s", "10", "-m", str(count), "-l", str(size), "-N",
             "-f", sender, "-t", recipient, f"{self.address}:25"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip

    def submit(self, message: bytes, *arguments: str) -> None:
        """Hand a message to ``sendmail``."""
        self.run("sendmail", *arguments, input=message)

    def make_busy(self) -> None:
        """Fill it: deferred for many reasons, partly served, held, active, corrupt; all sorts of origins."""
        for word in ("grey", "full", "later", "drop", "busy", "dead", "silent"):
            for number in range(2):
                self.send(f"user{number}@sender.test", f"{word}{number}@{word}.test")
        self.send("news@list.test", *(f"{word}-{n}@ok.test" for n in range(3) for word in ("reader", "full")))
        self.send("", "someone@full.test", content=b"Subject: Undelivered Mail\r\n\r\nSorry.\r\n")
        self.send(
            "sales@sender.test", "victim@full.test",
            xclient={"NAME": "evil.example", "ADDR": "192.0.2.66", "HELO": "pc", "LOGIN": "sales"},
        )  # fmt: skip
        self.send("jörg@sender.test", "grüße@full.test", utf8=True, content=b"Subject: \xc3\xbc\r\n\r\n")
        self.send("patient@sender.test", "someone@slow.test")
        held = [self.send("kept@sender.test", f"held{number}@full.test") for number in range(3)]
        self.wait_until(lambda: len(self.queue_ids("incoming", "active")) == 1, "one active message")
        self.postsuper("h", held)
        (self.queue / "corrupt" / "4jXYYYYYYYzBroken").write_bytes(b"this was a message once")

    # -- looking ---------------------------------------------------------------------------------------------

    def postqueue_json(self) -> list[dict[str, Any]]:
        """What ``postqueue -j`` lists. Lines end at \\n only: U+2028 and the like are data."""
        return [json.loads(line) for line in self.run("postqueue", "-j").stdout.split(b"\n") if line]

    def queue_ids(self, *states: str) -> set[str]:
        """The queue IDs in these states, as the files lie there (no state: in any)."""
        found = set()
        for state in states or ("incoming", "active", "deferred", "hold", "corrupt"):
            for _directory, _subdirectories, names in os.walk(self.queue / state):
                found.update(names)
        return found

    def settle(self, timeout: float = 60) -> None:
        """Wait until Postfix has tried everything once: nothing is incoming, in maildrop or active."""
        self.wait_until(
            lambda: not self.queue_ids("incoming", "active", "maildrop"), "the queue to settle", timeout
        )

    def wait_until(self, condition: Callable[[], T], what: str, timeout: float = 60) -> T:
        """Wait for a condition to be true, and give what it gave."""
        begun = time.monotonic()
        while not (value := condition()):
            waited = time.monotonic() - begun
            if waited > timeout:
                raise AssertionError(f"waited {timeout:.0f} s in vain for {what}; maillog:\n{self.tail()}")
            time.sleep(0.01 + waited / 10)
        return value

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    # -- inside ----------------------------------------------------------------------------------------------

    def _parameters(self) -> dict[str, str]:
        return {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(self.root / "data"),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.root),
            "inet_interfaces": "127.0.0.1",
            "myhostname": "mail.stack.test",
            "mydestination": "",
            # Whoever XCLIENT says it is may relay.
            "mynetworks": "0.0.0.0/0 [::]/0",
            "enable_long_queue_ids": "yes",
            "alias_maps": "",
            "local_recipient_maps": "",
            "notify_classes": "",
            # No DNS, no waiting, no brakes.
            "smtp_dns_support_level": "disabled",
            "smtpd_peername_lookup": "no",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
            "smtpd_client_connection_count_limit": "0",
            "in_flow_delay": "0",
            "smtp_connect_timeout": "1",
            "smtp_helo_timeout": "3",
            "smtp_tls_security_level": "none",
            "smtp_connection_cache_on_demand": "no",
            # What is deferred stays so, unless a test asks for less.
            "minimal_backoff_time": "600",
            "maximal_backoff_time": "1200",
        }

    def _make(self) -> None:
        """Make the directories that ``postfix check`` would make, a hundred times faster."""
        postfix = pwd.getpwnam("postfix")
        postdrop = grp.getgrnam("postdrop").gr_gid
        self.config.mkdir()
        (self.root / "data").mkdir()
        os.chown(self.root / "data", postfix.pw_uid, 0)
        self.queue.mkdir()
        for name, mode, owner, group in [
            *((name, 0o700, postfix.pw_uid, 0) for name in PRIVATE_DIRECTORIES),
            ("maildrop", 0o730, postfix.pw_uid, postdrop),
            ("public", 0o710, postfix.pw_uid, postdrop),
            ("pid", 0o755, 0, 0),
        ]:
            (self.queue / name).mkdir()
            (self.queue / name).chmod(mode)
            os.chown(self.queue / name, owner, group)
        self.configure()
        (self.config / "master.cf").write_text(MASTER_CF.format(address=self.address))

    def _greets(self) -> bool:
        assert self.master is not None
        assert self.master.poll() is None, f"the master died at once; maillog:\n{self.tail()}"
        try:
            with socket.create_connection((self.address, 25), timeout=20) as connection:
                return connection.recv(4) == b"220 "
        except (ConnectionError, TimeoutError):
            return False

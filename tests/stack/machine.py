"""A private machine: Debian's mail filter stack at its own paths and ports, unseen from outside.

A `Machine` is a set of namespaces (mount, network, process, host name): a private copy of /etc, an empty
/run, /tmp, /var/log, /var/spool/postfix, /var/lib/{postfix,clamav,amavis}, and a network of its own. So the
programs' default paths and ports *are* the private ones; Debian's init scripts are the service manager
(``service amavis restart``; there is no systemd); its first process is the syslogd (/var/log/mail.log). It
ends with the test process, however that ends, and leaves nothing behind::

    @pytest.fixture(scope="module")
    def machine() -> Iterator[Machine]:
        with Machine() as machine:                       # 3 s or so: share one a module
            yield machine

    server = Server(machine.host)                        # or Configuration, Services, …
    machine.run(["postqueue", "-p"])                     # any command, inside
    machine.path("/etc/amavis/conf.d/50-user").write_text(…)    # any file, from outside
    reply = machine.send(letter(), to="anna@example.test")      # from outside; client=INSIDE: from mynetworks
    machine.settle(); machine.mail("anna@example.test")  # what has arrived
    machine.kill("clamd"); machine.service("clamav-daemon", "start")
    machine.mtatui("settings", "show", "--json")         # our command line, inside
    machine.names.publish("mail._domainkey.example.test", "v=DKIM1; …")     # its DNS (its resolv.conf's)
    machine.mirror.manner = "429"; machine.mirror.url    # an HTTP mirror on its loopback
    with machine.network(): smtplib.SMTP("127.0.0.1")    # a socket of the test, there

Wired as amavis's README.postfix says: Postfix (25) → content_filter smtp-amavis → amavis (10024) → Postfix
(10025). Everything is delivered to `Machine.mail`, whoever it is for: ``example.test`` is the local domain,
all others are elsewhere. clamd knows `EICAR` (private signatures); SpamAssassin knows `GTUBE`, DKIM's rules
and ``letter(points=…)``, and (unless ``rules=True``) nothing else: a score is exactly what a test says.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import smtplib
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from mtatui.backends.host import File, HostError
from mtatui.backends.host_local import LocalHost
from tests.stack import machine_files as files
from tests.stack.machine_world import Letter, Mailboxes, Mirror, Names, network_of

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
#: Clients: one in mynetworks, and two that are not.
INSIDE, OUTSIDE, STRANGER = "127.0.0.1", "192.0.2.20", "192.0.2.66"

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

#: `mtatui.backends.peek`, asked over and over.
_LOOKS = """\
import io, sys
sys.path.append(sys.argv[1])
import peek
for line in sys.__stdin__:
    sys.stdin = io.StringIO(line)
    peek.main()
    print(flush=True)
"""


def letter(
    subject: str = "hello",
    body: str = "How are you?\n",
    *,
    points: float = 0,
    attach: Iterable[tuple[str, bytes]] = (),
    **headers: str,
) -> bytes:
    """A message as bytes, with CRLF line ends.

    Args:
        points: what SpamAssassin gives for it: at most 81.91, in hundredths.
        attach: file names and contents.
        headers: more of them, or others (``From``, ``To``); an underscore is a hyphen.
    """
    message = EmailMessage()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {
        "From": "someone@sender.test",
        "To": "anna@example.test",
        "Subject": subject,
        "Date": formatdate(),
        "Message-ID": f"<{time.monotonic_ns()}@sender.test>",
        **({"X-Points": files.points(points)} if points else {}),
        **given,
    }.items():
        message[name] = value
    message.set_content(body)
    for name, data in attach:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class MachineHost(LocalHost):
    """The machine, as mtatui sees a host."""

    def __init__(self, machine: Machine, *, read_only: bool = False) -> None:
        super().__init__("mail", read_only=read_only)
        self._machine = machine
        self._looking: subprocess.Popen[str] | None = None

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command, in the machine's namespaces."""
        return self._machine.inside(argv)

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files as the machine has them; see `mtatui.backends.host.Host.files`."""
        found = self._look({"paths": list(paths), "contents": contents})
        for one in found.values():
            if "data" in one:
                one["data"] = base64.b64decode(one["data"])
        return {path: self._file(path, one) for path, one in found.items()}

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory of the machine; see `mtatui.backends.host.Host.names`."""
        return self._names(directory, self._look({"directory": directory}))

    def _look(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have our program for it look, one process of it for all requests: it ends with the machine."""
        from mtatui.backends import peek

        program = [sys.executable, "-I", "-S", "-c", _LOOKS, os.path.dirname(peek.__file__)]
        if self._looking is None:
            self._looking = subprocess.Popen(
                self.command(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env=self.environment(), start_new_session=True,
            )  # fmt: skip
        assert self._looking.stdin is not None
        assert self._looking.stdout is not None
        self._looking.stdin.write(json.dumps(request) + "\n")
        self._looking.stdin.flush()
        found: dict[str, Any] = json.loads(self._looking.stdout.readline())
        return found

    def forget(self) -> None:
        """The machine has ended."""
        if self._looking is not None:
            self._looking.communicate()


class Machine:
    """One private machine, alive inside ``with``."""

    def __init__(
        self,
        *,
        amavis: bool = True,
        clamd: bool = True,
        opendkim: bool = False,
        spamd: bool = False,
        checks: bool = True,
        rules: bool = False,
        one_file: bool = False,
    ) -> None:
        """Nothing is started yet.

        Args:
            amavis, clamd, opendkim, spamd: which daemons run beside Postfix. Without amavis, Postfix delivers
                by itself; OpenDKIM is a milter that verifies, and signs for ``example.test``.
            checks: amavis checks for spam and viruses, as its README says one turns that on; else as Debian
                ships it: it does not.
            one_file: amavis has one /etc/amavisd/amavisd.conf, as it has elsewhere, and no directory.
            rules: SpamAssassin has all its own rules, too: amavis and spamd start 2 s later.
        """
        wanted = {"amavis": amavis, "clamav-daemon": clamd, "opendkim": opendkim, "spamd": spamd}
        self.services = ["postfix", *(name for name, yes in wanted.items() if yes)]
        self.checks, self.rules, self.one_file = checks, rules, one_file
        self.names, self.mirror, self.mailboxes = Names(), Mirror(), Mailboxes()
        self.host = MachineHost(self)
        self.pid = 0

    # -- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        keep = {str(ROOT), sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")}
        program = [
            sys.executable,
            "-I",
            "-S",
            str(Path(__file__).with_name("machine_init.py")),
            *sorted(keep),
        ]
        self._init = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", *program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert self._init.stdout is not None
            self.pid = int(self._init.stdout.readline())
            assert self._init.stdout.readline() == "ready\n", "its first process did not come up"
            files.write(self)
            with self.network():
                for one in (self.names, self.mirror, self.mailboxes):
                    one.start()
            self.start(*self.services)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it: without its first process nothing of it is left."""
        self._init.kill()  # and with unshare its child, the first process
        self._init.wait(60)
        self.host.forget()
        for pipe in (self._init.stdin, self._init.stdout):
            if pipe:
                pipe.close()
        for one in (self.names, self.mirror, self.mailboxes):
            one.stop()

    def start(self, *services: str) -> None:
        """Start services side by side, and wait until they answer."""
        started = {name: self.popen(["service", name, "start"]) for name in services}
        for name, process in started.items():
            said, _ = process.communicate(timeout=120)
            assert process.returncode == 0, f"service {name} start: {said!r}\n{self.log()}"
        for name in services:
            self.wait_until(partial(self.answers, name), f"an answer of {name}")

    def service(self, name: str, deed: str) -> subprocess.CompletedProcess[str]:
        """Start, stop, restart a service by its init script."""
        return self.run(["service", name, deed], check=False)

    def kill(self, daemon: str) -> None:
        """Kill a daemon by the name of its program (``clamd``), with all its processes, the hard way."""
        self.run(["pkill", "-KILL", "-x", daemon], check=False)
        self.wait_until(lambda: not self.pids(daemon), f"the end of {daemon}")

    @contextlib.contextmanager
    def frozen(self, daemon: str) -> Iterator[None]:
        """Have a daemon stand still, with all its processes."""
        self.run(["pkill", "-STOP", "-x", daemon])
        try:
            yield
        finally:
            self.run(["pkill", "-CONT", "-x", daemon], check=False)

    def pids(self, daemon: str) -> list[int]:
        """Its processes, by the numbers that the machine knows them by."""
        found = self.run(["pgrep", "-x", daemon], check=False)
        return [int(word) for word in found.stdout.split()]

    def answers(self, service: str) -> bool:
        """Whether a service answers as its protocol says."""
        place, says, expected = files.ANSWERS[service]
        try:
            with self.connect(place) as connection:
                connection.settimeout(20)
                connection.sendall(says)
                return not expected or connection.recv(64).startswith(expected)
        except OSError:
            return False

    # -- doing -----------------------------------------------------------------------------------------------

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a command in the machine."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-u", "--", *argv]

    def popen(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command in the machine; what it says comes through one pipe."""
        # Not LocalHost's environment: the tests' own may say where coverage goes.
        return subprocess.Popen(
            self.inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=self._environment(), start_new_session=True,
        )  # fmt: skip

    def run(
        self, argv: Sequence[str], *, input: str = "", check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine, as root."""
        done = subprocess.run(
            self.inside(argv), input=input, capture_output=True, text=True, env=self._environment(),
            timeout=timeout, check=False, errors="surrogateescape",
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{argv}: rc {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def mtatui(
        self, *arguments: str, code: int | None = 0, input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run mtatui in the machine; its exit code must be this one (None: any)."""
        argv = ["env", "-C", str(ROOT), sys.executable, "-m", "mtatui", *arguments]
        done = self.run(argv, input=input, check=False, timeout=120)
        assert code is None or done.returncode == code, (
            f"rc {done.returncode}: {done.stdout}{done.stderr}\n{self.log()}"
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def path(self, path: str) -> Path:
        """A file of the machine, seen from outside (an absolute symbolic link on the way leads astray)."""
        return Path(f"/proc/{self.pid}/root{path}")

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Have this thread's new sockets be on the machine's network."""
        with network_of(self.pid):
            yield

    def connect(self, place: str | tuple[str, int]) -> socket.socket:
        """A connection to a socket of the machine: a path, or address and port."""
        if isinstance(place, tuple):
            with self.network():
                return socket.create_connection(place, timeout=10)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        try:
            connection.connect(str(self.path(place)))
        except OSError:
            connection.close()
            raise
        return connection

    # -- mail ------------------------------------------------------------------------------------------------

    def send(
        self,
        message: bytes,
        to: str | Sequence[str] = "anna@example.test",
        from_: str = "someone@sender.test",
        client: str = OUTSIDE,
        port: int = 25,
    ) -> str:
        """Hand a message to Postfix, from a client: the first reply that is no yes, else the last one."""
        with self.network():
            session = smtplib.SMTP(
                files.ADDRESS, port, local_hostname="client.test", timeout=30, source_address=(client, 0)
            )
        with contextlib.closing(session):
            session.ehlo()
            for command in (
                f"MAIL FROM:<{from_}>",
                *(f"RCPT TO:<{one}>" for one in ([to] if isinstance(to, str) else to)),
            ):
                code, text = session.docmd(command)
                if code >= 400:
                    return _told(code, text)
            code, text = session.data(message)
            session.docmd("QUIT")
            return _told(code, text)

    def mail(self, address: str) -> list[Letter]:
        """What has arrived for an address so far, oldest first."""
        return [letter for letter in self.mailboxes.letters if address in letter.recipients]

    def queue_ids(self, *states: str) -> set[str]:
        """The queue IDs in these states (none named: in any that is not corrupt)."""
        found = set()
        for state in states or ("maildrop", "incoming", "active", "deferred", "hold"):
            for _directory, _subdirectories, names in os.walk(self.path(f"/var/spool/postfix/{state}")):
                found.update(names)
        return found

    def settle(self, timeout: float = 120) -> None:
        """Wait until Postfix has tried everything once: nothing is on its way any more."""
        self.wait_until(
            lambda: not self.queue_ids("maildrop", "incoming", "active"), "the queue to settle", timeout
        )

    def log(self, lines: int = 30) -> str:
        """The end of its mail log."""
        path = self.path("/var/log/mail.log")
        if not path.exists():
            return "(no mail log)"
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])

    def wait_until(self, condition: Callable[[], T], what: str, timeout: float = 90) -> T:
        """Wait for a condition to be true, and give what it gave."""
        begun = time.monotonic()
        while not (value := condition()):
            waited = time.monotonic() - begun
            if waited > timeout:
                raise AssertionError(f"waited {timeout:.0f} s in vain for {what}; mail log:\n{self.log()}")
            time.sleep(0.02 + waited / 20)
        return value

    def _environment(self) -> dict[str, str]:
        return self.host.environment() | {"HOME": "/run", "PYTHONDONTWRITEBYTECODE": "1"}


def _told(code: int, text: bytes) -> str:
    return f"{code} {text.decode('utf-8', 'replace')}"

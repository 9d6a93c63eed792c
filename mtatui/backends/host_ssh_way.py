"""The way to a server over ssh: opened when it is needed, given up in words, opened again, let go of."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from mtatui.backends import envoy
from mtatui.backends.bundle import STUB, bundle
from mtatui.backends.doorway import CONNECTING
from mtatui.backends.host import CommandLog, HostError, Missing, Prompt, Unreachable
from mtatui.backends.host_ssh_plain import Plain
from mtatui.backends.host_ssh_words import Why, why
from mtatui.backends.link import Link
from mtatui.backends.link_hello import Hello, Refused

if TYPE_CHECKING:
    from mtatui.backends.host_ssh_asking import Asking

#: Seconds for a connection; they begin anew while a person is asked for something.
PATIENCE = 30.0
#: What is looked for on every server: asked at once, so that nobody waits for the answer later.
_OFTEN = ("journalctl", "service", "amavisd", "amavisd-new", "cron", "crond")
#: Seconds until a connection that failed is tried again: at first, and at most.
BACK_OFF = (0.5, 30.0)
_ENVOY = bundle(os.path.join(os.path.dirname(os.path.abspath(envoy.__file__)), "__main__.py"))
_SAID_LIMIT = 16384
#: The admin's own ssh, but one that asks for no terminal, forwards nothing, and notices a dead link in time.
#: An existing master is used; we become none, for it would stay when we leave.
OPTIONS = tuple(
    word
    for option in (
        "RequestTTY=no", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no",
        "PermitLocalCommand=no", "RemoteCommand=none", "EscapeChar=none", "LogLevel=INFO",
        "ServerAliveInterval=10", "ServerAliveCountMax=3", "ConnectTimeout=20", "NumberOfPasswordPrompts=2",
    )
    for word in ("-o", option)
)  # fmt: skip


class Way:
    """The connection to one server; every method may be called from any thread."""

    def __init__(
        self,
        name: str,
        destination: str,
        log: CommandLog,
        *,
        ssh_config: str,
        on_prompt: Callable[[Prompt], str | None] | None,
        read_only: bool,
    ) -> None:
        """Nothing is opened yet. For the arguments see `mtatui.backends.host_ssh.SshHost`."""
        self.plain: Plain | None = None
        """What is done there without Python, where there is none."""
        self.hello: Hello | None = None
        """What was heard when it was opened; None before that."""
        self._name = name
        self._destination = destination
        self._log = log
        self._ssh = ["ssh", *(["-F", ssh_config] if ssh_config else []), *OPTIONS]
        self._on_prompt = on_prompt
        self._read_only = read_only
        self._gate = threading.Lock()
        self._link: Link | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: HostError | None = None
        self._failures = 0
        self._not_before = 0.0
        self._closed = False
        self._anew = False
        self._traffic = (0, 0)
        self._asking: Asking | None = None
        self._often: Callable[[float], Any] | None = None

    @property
    def open(self) -> bool:
        """Whether there is a connection now."""
        return self._way is not None

    @property
    def _way(self) -> Link | Plain | None:
        plain, link = self.plain, self._link
        if plain is not None:
            return plain if plain.open else None
        return link if link is not None and link.closed is None else None

    @property
    def notice(self) -> str:
        """What the person is told to do so that it is opened (touch a key); "" for nothing."""
        asking = self._asking
        return asking.notice if asking is not None else ""

    @property
    def silent(self) -> float:
        """Seconds for which it has owed a sign of life; 0 when all is well, or there is no connection."""
        link = self._link
        return link.silent if link is not None else 0.0

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes sent and received over all connections, before ssh's own part."""
        sent, received = self._traffic
        link = self._link
        return (sent + link.sent, received + link.received) if link is not None else (sent, received)

    def try_again(self) -> None:
        """The next who needs it shall try at once, whatever failed before."""
        self._failed, self._failures, self._not_before = None, 0, 0.0
        self._anew = self.plain is not None

    def close(self) -> None:
        """Let go of it. What changes something there comes to its own end."""
        self._closed = True
        process = self._process
        if process is not None and self._link is None:
            process.terminate()  # it is being opened
        with self._gate:
            self._let_go()

    def opened(self) -> Link | Plain:
        """The connection, opened where there is none; blocks.

        Raises:
            HostError: there is none, in words.
        """
        with self._gate:
            if self._closed:
                raise Unreachable(f"{self._name} was let go of.")
            if (way := self._way) is not None and not self._anew:
                return way
            if self._failed is not None and time.monotonic() < self._not_before:
                raise self._failed
            self._let_go()
            try:
                way = self._open()
            except HostError as error:
                self._failed = error
                raise
            self._failed, self._failures, self._anew = None, 0, False
            return way

    def has(self, command: str) -> bool:
        """Whether a command is there; blocks.

        Raises:
            HostError, OSError, ValueError: that could not be found out.
        """
        link = self.opened()
        if isinstance(link, Plain):
            return link.can(command)
        if command in _OFTEN and self._often is not None:
            return command in self._often(PATIENCE)
        return bool(link.ask({"which": [command]}, PATIENCE))

    def _open(self) -> Link | Plain:
        nonce = secrets.token_hex(8)
        remote = f"exec python3 -I -S -c '{STUB}' {nonce}"
        with ExitStack() as stack:
            environment = dict(os.environ)
            ssh, asking = list(self._ssh), None
            if self._on_prompt is not None:
                from mtatui.backends.host_ssh_asking import Asking

                self._asking = asking = stack.enter_context(Asking(self._name, self._on_prompt))
                stack.callback(setattr, self, "_asking", None)
                environment |= asking.environment
            else:
                ssh += ["-o", "BatchMode=yes"]

            def asked() -> bool:
                return asking is not None and asking.busy

            stack.enter_context(CONNECTING.passing(lambda: not self._closed))
            if self._closed:
                raise Unreachable(f"{self._name} was let go of.")
            argv = [*ssh, "-o", "ControlMaster=no", "--", self._destination, remote]
            entry = self._log.begin([*argv[:-1], "exec python3 -I -S -c …"], "the connection")
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    bufsize=0,
                    start_new_session=True,
                )
            except OSError as error:
                raise Missing(f"ssh could not be started on this machine: {error.strerror}.") from error
            self._process = process
            if self._closed:
                process.terminate()
            said = bytearray()
            hearing = threading.Thread(
                target=_hear, args=(process, said), name=f"ssh-{self._name}", daemon=True
            )
            hearing.start()
            assert process.stdin is not None
            assert process.stdout is not None
            link = Link(process.stdin.fileno(), process.stdout.fileno(), nonce, name=self._name)
            started = time.monotonic()
            try:
                self.hello = link.greet(_ENVOY, PATIENCE, asked)
            except Refused as error:
                link.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
                status = process.poll()
                _end(process)
                hearing.join(1)
                reason = why(bytes(said), error.noise, str(error), status)
                if reason.no_python:
                    plain = Plain(
                        self._name, ssh, self._destination, self._log, reason.words, read_only=self._read_only
                    )
                    failed = plain.connect(environment, PATIENCE, asked)
                    if failed is None:
                        self.plain = plain
                        return plain
                    plain.close()
                    reason = failed
                if asking is not None and asking.declined:
                    reason = Why("you did not answer what ssh asked.", again=False)
                raise self._gave_up(reason) from error
            finally:
                entry.duration = time.monotonic() - started
                entry.returncode = process.poll()
            self._often = link.put({"which": _OFTEN})
            self._link = link
            return link

    def _gave_up(self, reason: Why) -> Unreachable:
        self._failures += 1
        pause = min(BACK_OFF[0] * 2 ** min(self._failures, 10), BACK_OFF[1]) if reason.again else float("inf")
        self._not_before = time.monotonic() + pause
        return Unreachable(f"{self._name} cannot be reached: {reason.words}")

    def _let_go(self) -> None:
        link, self._link = self._link, None
        process, self._process = self._process, None
        plain, self.plain = self.plain, None
        if plain is not None:
            plain.close()
        if link is not None:
            link.close()
            self._traffic = self._traffic[0] + link.sent, self._traffic[1] + link.received
        if process is not None:
            _end(process)


def _hear(process: subprocess.Popen[bytes], said: bytearray) -> None:
    """What ssh complains of, the last of it; until it ends."""
    assert process.stderr is not None
    while data := os.read(process.stderr.fileno(), 4096):
        said += data
        del said[:-_SAID_LIMIT]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End an ssh; nothing is left behind."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

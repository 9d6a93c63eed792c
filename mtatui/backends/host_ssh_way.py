"""The way to a server over ssh: opened when it is needed, given up in words, opened again, let go of."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from mtatui.backends import envoy
from mtatui.backends.bundle import STUB, bundle
from mtatui.backends.doorway import CONNECTING
from mtatui.backends.host import CommandLog, HostError, Missing, Prompt, Unreachable
from mtatui.backends.host_ssh_plain import Plain
from mtatui.backends.host_ssh_words import Why, why
from mtatui.backends.link import Link
from mtatui.backends.link_hello import Hello, Refused

#: Seconds for a connection; more where a person has to type a password meanwhile.
PATIENCE, PATIENCE_ASKED = 30.0, 180.0
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
        "PermitLocalCommand=no", "EscapeChar=none", "ServerAliveInterval=10", "ServerAliveCountMax=3",
        "ConnectTimeout=20", "NumberOfPasswordPrompts=2",
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
        self._traffic = (0, 0)

    @property
    def open(self) -> bool:
        """Whether there is a connection now."""
        return self._link is not None and self._link.closed is None

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes sent and received over all connections, before ssh's own part."""
        sent, received = self._traffic
        link = self._link
        return (sent + link.sent, received + link.received) if link is not None else (sent, received)

    def try_again(self) -> None:
        """The next who needs it shall try at once, whatever failed before."""
        with self._gate:
            self._failed, self._failures, self._not_before = None, 0, 0.0

    def close(self) -> None:
        """Let go of it. What changes something there comes to its own end."""
        self._closed = True
        process = self._process
        if process is not None and self._link is None:
            process.terminate()  # it is being opened
        with self._gate:
            self._let_go()
            if self.plain is not None:
                self.plain.close()

    def link(self) -> Link:
        """The connection, opened where there is none; blocks. In plain mode there is a dead one.

        Raises:
            HostError: there is none, in words.
        """
        with self._gate:
            if self._closed:
                raise Unreachable(f"{self._name} was let go of.")
            if self._link is not None and (self._link.closed is None or self.plain is not None):
                return self._link
            if self._failed is not None and time.monotonic() < self._not_before:
                raise self._failed
            self._let_go()
            try:
                self._link = self._open()
            except HostError as error:
                self._failed = error
                raise
            self._failed, self._failures = None, 0
            return self._link

    def _open(self) -> Link:
        nonce = secrets.token_hex(8)
        remote = f"exec python3 -I -S -c '{STUB}' {nonce}"
        with ExitStack() as stack:
            environment = dict(os.environ)
            ssh, asking, patience = list(self._ssh), None, PATIENCE
            if self._on_prompt is not None:
                from mtatui.backends.host_ssh_asking import Asking

                asking = stack.enter_context(Asking(self._name, self._on_prompt))
                environment |= asking.environment
                patience = PATIENCE_ASKED
            else:
                ssh += ["-o", "BatchMode=yes"]
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
                self.hello = link.greet(_ENVOY, patience)
            except Refused as error:
                link.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
                status = process.poll()
                _end(process)
                hearing.join(1)
                if asking is not None and asking.declined:
                    raise self._gave_up(Why("you did not answer what ssh asked.", again=False)) from error
                return self._without(why(bytes(said), error.noise, str(error), status), link)
            finally:
                entry.duration = time.monotonic() - started
                entry.returncode = process.poll()
        return link

    def _without(self, reason: Why, link: Link) -> Link:
        """There is no envoy: go on without, where only Python is missing."""
        if not reason.no_python:
            raise self._gave_up(reason)
        self.plain = Plain(
            self._name, self._ssh, self._destination, self._log, reason.words, read_only=self._read_only
        )
        return link

    def _gave_up(self, reason: Why) -> Unreachable:
        self._failures += 1
        pause = min(BACK_OFF[0] * 2 ** min(self._failures, 10), BACK_OFF[1]) if reason.again else float("inf")
        self._not_before = time.monotonic() + pause
        return Unreachable(f"{self._name} cannot be reached: {reason.words}")

    def _let_go(self) -> None:
        link, self._link = self._link, None
        process, self._process = self._process, None
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

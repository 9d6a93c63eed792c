"""A server to play with: real queue files in a temporary directory, and stand-ins for Postfix's commands.

Nothing of the machine's mail is touched, and no root is needed: the files are one's own. All that reads and
handles them is the code that does so on a real server. A child process (`mtatui.backends.demo.life`) makes
the queue, keeps it alive, and removes it when this process is gone, however it went; should that child be
killed as well, the next demo removes what is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence

from mtatui.backends.demo import programs, standin
from mtatui.backends.filters.places import Places
from mtatui.backends.host import File, HostError, Missing
from mtatui.backends.host_local import LocalHost

_HERE = os.path.dirname(os.path.abspath(__file__))
_PROGRAM = (sys.executable, "-I", "-S", f"{_HERE}/demo/__main__.py")
#: The program that looks at services: in the demo it would see this machine's.
_LOOKING = f"{_HERE}/looking/__main__.py"
#: The program that sends a probe: in the demo it would send it through this machine's mail server.
_SENDING = f"{_HERE}/chain/__main__.py"
#: The program that has a message judged.
_JUDGING = f"{_HERE}/judging/__main__.py"
#: The program that runs a command of Postfix for each of many messages.
_SCHEDULING = f"{_HERE}/postfix/scheduling.py"
#: The program that asks the DNS.
_RESOLVING = f"{_HERE}/resolving/asking.py"
#: Seconds in which a new demo shows that it is alive.
_BIRTH = 60.0
#: Seconds that the daemon gets to clear up.
_PATIENCE = 5.0


class DemoHost(LocalHost):
    """This machine, with a Postfix that is only played."""

    def __init__(self, name: str = "demo", *, read_only: bool = False) -> None:
        """Begin to make the queue; it is waited for when the first command wants it.

        Raises:
            HostError: there is no room for it.
        """
        super().__init__(name, read_only=read_only)
        self.superuser = True
        base, prefix = _where(), f"mtatui-demo-{os.geteuid()}-"
        _sweep(base, prefix)
        try:
            self.home = tempfile.mkdtemp(prefix=prefix, dir=base)
        except OSError as error:
            raise HostError(f"The demo cannot make its directory in {base}: {error.strerror}.") from error
        self.places = Places().below(self.home)
        self._ready = False
        self._waiting = threading.Lock()
        self._life = subprocess.Popen(
            [*_PROGRAM, "life", self.home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            cwd="/",
            start_new_session=True,
        )

    def command(self, argv: Sequence[str]) -> list[str]:
        """The stand-in for a command of Postfix; any other command is what it is."""
        if argv[0] in standin.COMMANDS:
            self._await_queue()
            return [*_PROGRAM, *standin.arguments(self._etc, argv)]
        if _LOOKING in argv:
            return [*_PROGRAM, "services", self.home]
        if _SENDING in argv:
            raise Missing("The demo plays no mail server that a probe could go through.")
        if _JUDGING in argv:
            return [*_PROGRAM, "verdicts", self.home]
        if _RESOLVING in argv:
            return [*_PROGRAM, "dns"]
        if _SCHEDULING in argv:
            command = list(argv).index(_SCHEDULING) + 1
            return [*argv[:command], *self.command(argv[command:])]
        # `env NAME=value COMMAND …`
        name = next(word for word in argv if argv[0] != "env" or (word != "env" and "=" not in word))
        if name in programs.NAMES:
            self._await_queue()
            return [*_PROGRAM, "programs", self.home, *argv[argv.index(name) :]]
        return super().command(argv)

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at the demo's own files: what is elsewhere on this machine is not there; see `Host.files`."""
        wanted = list(paths)
        own = await super().files(
            [path for path in wanted if path.startswith(f"{self.home}/")], contents=contents
        )
        return {path: own.get(path) or Missing(f"There is no {path} on {self.name}.") for path in wanted}

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory of the demo's own; see `Host.names`."""
        if not directory.startswith(f"{self.home}/"):
            raise Missing(f"There is no {directory} on {self.name}.")
        return await super().names(directory)

    def environment(self) -> dict[str, str]:
        """The environment that commands get: what they start by name is the demo's."""
        found = super().environment()
        return found | {"PATH": f"{self.home}/bin:{found['PATH']}"}

    def can(self, command: str) -> bool:
        """Whether the command is to be found on this host."""
        return command in standin.COMMANDS or command in programs.NAMES or super().can(command)

    def close(self) -> None:
        """End the demo and remove its queue."""
        if self._ready:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                # Its standard input ends: that is the sign.
                self._life.communicate(timeout=_PATIENCE)
        if self._life.poll() is None:
            self._life.kill()
        self._life.communicate()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def _etc(self) -> str:
        """Its configuration directory."""
        return f"{self.home}/etc"

    def _await_queue(self) -> None:
        with self._waiting:
            if self._ready:
                return
            assert self._life.stdout is not None
            said = self._life.stdout.readline().decode("utf-8", "replace").strip()
            if said != "ready":
                why = said.removeprefix("failed ") or "its daemon ended"
                raise HostError(f"The demo could not make its queue: {why}.")
            self._ready = True


def _where() -> str:
    """Where the demo lives: in memory where that is to be had, else on disk."""
    # Below /run nobody else may write, which is what keys want.
    for path in (os.environ.get("XDG_RUNTIME_DIR", ""), "/run", "/dev/shm"):  # noqa: S108  # mkdtemp makes a private place
        if path and os.access(path, os.W_OK | os.X_OK):
            return path
    return tempfile.gettempdir()


def _sweep(base: str, prefix: str) -> None:
    """Remove demos whose daemon was killed: nobody holds their lock any more."""
    with os.scandir(base) as entries:
        homes = [
            entry.path
            for entry in entries
            if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False)
        ]
    for home in homes:
        with contextlib.suppress(OSError):
            if os.stat(home).st_uid == os.geteuid() and _is_dead(home):
                shutil.rmtree(home, ignore_errors=True)


def _is_dead(home: str) -> bool:
    try:
        fd = os.open(f"{home}/alive", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - os.stat(home).st_mtime > _BIRTH
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True

"""A host that is reached with the system's own ssh, as the admin has it set up; nothing is installed there.

One ssh process a server, opened when something is first asked of it, carries everything (`mtatui.backends.
envoy`). The admin's configuration, agent, ProxyJump, known_hosts and running masters are used, for it is his
ssh; what it asks is handed to ``on_prompt``. A connection that has broken is opened anew by whoever needs it
next, less and less often; one that was refused only when the person wishes it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from mtatui.backends.bundle import STUB, Bundle, bundle
from mtatui.backends.host import (
    Child,
    CommandLog,
    Completed,
    File,
    HostError,
    Missing,
    NotPermitted,
    Prompt,
    ReadOnly,
    TimedOut,
    Unreachable,
)
from mtatui.backends.host_files import file, names, not_started
from mtatui.backends.host_local import PATH
from mtatui.backends.host_ssh_plain import Plain
from mtatui.backends.host_ssh_way import Way
from mtatui.backends.host_sudo import AS_ROOT, TO_CHANGE, refused
from mtatui.backends.link_hello import Hello
from mtatui.text import clean

#: Seconds for what the envoy looks at by itself.
GLANCE = 30.0
#: A host, user@host or ssh:// address; no word that ssh, or a shell that its configuration starts with it
#: (ProxyCommand's %h), could take for something else.
_DESTINATION = re.compile(r"(ssh://)?[A-Za-z0-9_\[][A-Za-z0-9_.@:\[\]-]{0,254}")
_HERE = os.path.dirname(os.path.abspath(__file__))
_ENVIRONMENT = {"LC_ALL": "C", "PATH": PATH, "HOME": "/"}
#: For programs of ours where Python is 3.6: in the language C it takes all paths for ASCII (3.7 does not: PEP
#: 540). Where there is no C.UTF-8, it is C all the same.
_UTF8 = {**_ENVIRONMENT, "LC_ALL": "C.UTF-8"}


class SshHost:
    """A `Host` on the other end of an ssh."""

    def __init__(
        self,
        name: str,
        destination: str,
        *,
        sudo: bool = False,
        read_only: bool = False,
        ssh_config: str = "",
        on_prompt: Callable[[Prompt], str | None] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            name: what the person calls it.
            destination: a host, an alias of ssh's config, or user@host.
            sudo: commands that need root go through ``sudo -n`` there.
            ssh_config: what ssh reads in place of the user's own configuration; "" for that.
            on_prompt: asked, in a thread, for what ssh wants to know; None as its answer refuses. Without it
                ssh may not ask.

        Raises:
            ValueError: the destination is none.
        """
        if not _DESTINATION.fullmatch(destination):
            raise ValueError(f"{clean(destination)!r} is no host, nor user@host")
        self.name = name
        self.destination = destination
        self.read_only = read_only
        self.log = CommandLog()
        self._sudo = sudo
        self._way = Way(
            name, destination, self.log, ssh_config=ssh_config, on_prompt=on_prompt, read_only=read_only
        )
        self._found: dict[str, bool] = {}

    # --- what is known of it ----------------------------------------------------------------------------

    @property
    def superuser(self) -> bool:
        """Whether commands run as root there; taken for granted until that is known."""
        if self._way.plain is not None:
            return False
        return self._way.hello is None or self._way.hello.uid == 0 or self._sudo

    @property
    def limits(self) -> str:
        """Why less can be done there; "" where there is nothing to say."""
        plain = self._way.plain
        return plain.limits if plain is not None else ""

    @property
    def hello(self) -> Hello | None:
        """What was heard when the connection was opened: Python, user, clock; None before that."""
        return self._way.hello

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._way.open

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes sent to it and received from it over all connections, before ssh's own part."""
        return self._way.traffic

    @property
    def silent(self) -> float:
        """Seconds for which it has owed a sign of life; 0 when all is well, or there is no connection."""
        return self._way.silent

    @property
    def notice(self) -> str:
        """What the person must do now so that it is opened, as ssh says it (touch a key); "" for nothing."""
        return self._way.notice

    def open_again(self) -> None:
        """The next who needs it shall try at once, whatever failed before."""
        self._way.try_again()

    def close(self) -> None:
        """Let go of it. What changes something there comes to its own end."""
        self._way.close()

    # --- commands ---------------------------------------------------------------------------------------

    async def run(
        self,
        argv: Sequence[str],
        *,
        changes: bool = False,
        input: bytes | AsyncIterator[bytes] | None = None,
        timeout: float = 30.0,
        note: str = "",
        on_stderr: Callable[[bytes], None] | None = None,
        limit: int = 64 * 1024 * 1024,
    ) -> Completed:
        """Run a command to its end; see `Host.run`. The time for a connection does not count."""
        import asyncio

        from mtatui.backends.host_ssh_command import converse

        self._may(argv, changes)
        link = await asyncio.to_thread(self._way.opened)
        if isinstance(link, Plain):
            return await link.run(
                argv,
                changes=changes,
                input=input,
                timeout=timeout,
                note=note,
                on_stderr=on_stderr,
                limit=limit,
            )
        words, program = self._there(argv, changes)
        entry = self.log.begin(_shown(words, argv), note)
        started = time.monotonic()
        environment = self._environment(program)
        channel = link.start(words, env=environment, program=program, changes=changes, compress=True)
        try:
            out, err, ended = await converse(channel, input, timeout, limit, on_stderr)
        except TimeoutError as error:
            raise TimedOut(
                f"{argv[0]} did not end within {timeout:g} seconds on {self.name} and was stopped. "
                "Is it very busy, or its disk, or the connection slow?"
            ) from error
        finally:
            entry.duration = time.monotonic() - started
            entry.returncode = channel.poll()
        if channel.error:
            raise self._not_started(words, argv, channel.error)
        if channel.cut:
            why = (link.closed or "").replace("the connection", "The connection")
            raise Unreachable(f"{why} while {argv[0]} ran there.")
        status = 0 if channel.returncode is None else channel.returncode
        if status == 1 and argv[0] != "sudo" and refused(err):
            raise NotPermitted(self.refusal(argv))
        return Completed(tuple(argv), status, out, err, entry.duration, cut=not ended)

    def child(self, argv: Sequence[str], *, changes: bool = False) -> Child:
        """Start a long-lived child; see `Host.child`."""
        self._may(argv, changes)
        link = self._way.opened()
        if isinstance(link, Plain):
            return link.child(argv, changes=changes)
        words, program = self._there(argv, changes)
        self.log.begin(_shown(words, argv), "stays")
        return link.start(
            words,
            env=self._environment(program),
            program=program,
            changes=changes,
            compress=True,
            excuse=lambda number: str(self._not_started(words, argv, number)),
        )

    def can(self, command: str) -> bool:
        """Whether the command is to be found there."""
        if command not in self._found:
            try:
                self._found[command] = self._way.has(command)
            except (HostError, OSError, ValueError):
                return False
        return self._found[command]

    def refusal(self, argv: Sequence[str]) -> str:
        """What to tell the person whom sudo refused a command there."""
        program = _called(argv)
        user = self._way.hello.user if self._way.hello is not None else "USER"
        path = "/usr/bin/python3" if program == "python3" else f"/usr/sbin/{program}"
        lines = [f"{user} ALL=(root) NOPASSWD: {path}"]
        if program == "python3":
            lines.append(
                "# whoever may run Python as root may do everything there; logging in as root is no more"
            )
        return (
            f"sudo on {self.name} does not allow {program} without a password. For root to add there with "
            "visudo:\n  " + "\n  ".join(lines)
        )

    def _not_started(self, words: Sequence[str], argv: Sequence[str], error: int) -> HostError:
        if words[0] == "sudo" != argv[0]:
            user = self._way.hello.user if self._way.hello is not None else "the user"
            return Missing(
                f"There is no sudo on {self.name}, {user} is not root, and {_called(argv)} needs that."
            )
        return not_started(self.name, argv, error)

    def _there(self, argv: Sequence[str], changes: bool) -> tuple[list[str], Bundle | None]:
        """What is started there for a command, and the program of ours that it is fed, if it is one."""
        words, program, as_user = list(argv), None, False
        if words[:2] == ["env", sys.executable]:
            words, as_user = words[1:], True
        needs_root = words[0] in AS_ROOT or (changes and words[0] in TO_CHANGE)
        if words[0] == sys.executable and words[1:3] == ["-I", "-S"] and words[3].startswith(_HERE + os.sep):
            program = bundle(words[3])
            words = ["{python}", "-I", "-S", "-c", STUB, *words[4:]]
        if (
            self._sudo
            and needs_root
            and not as_user
            and (self._way.hello is None or self._way.hello.uid != 0)
        ):
            words = ["sudo", "-n", "--", *words]
        return words, program

    def _environment(self, program: Bundle | None) -> dict[str, str]:
        old = self._way.hello is not None and self._way.hello.python.startswith("3.6.")
        return _UTF8 if old and program is not None else _ENVIRONMENT

    # --- files ------------------------------------------------------------------------------------------

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files; see `Host.files`."""
        wanted = list(paths)
        if not wanted:
            return {}
        answer = await self._peek({"paths": wanted, "contents": contents}, ", ".join(wanted))
        files = {path: self._file(path, answer[path]) for path in wanted}
        closed = [path for path, file in files.items() if isinstance(file, NotPermitted)]
        if closed and self._through_sudo:
            try:
                answer = await self._peek(
                    {"paths": closed, "contents": contents}, ", ".join(closed), sudo=True
                )
            except HostError as error:
                return files | dict.fromkeys(closed, error)
            files |= {path: self._file(path, answer[path]) for path in closed}
        return files

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory; see `Host.names`."""
        try:
            return names(self.name, directory, await self._peek({"directory": directory}, directory))
        except NotPermitted:
            if not self._through_sudo:
                raise
        return names(self.name, directory, await self._peek({"directory": directory}, directory, sudo=True))

    @property
    def _through_sudo(self) -> bool:
        return self._sudo and self._way.hello is not None and self._way.hello.uid != 0

    async def _peek(self, request: dict[str, Any], note: str, *, sudo: bool = False) -> dict[str, Any]:
        """Have the envoy look, or `peek` as root.

        Raises:
            HostError: it could not, in words.
        """
        import asyncio
        import json

        from mtatui.backends import peek

        link = await asyncio.to_thread(self._way.opened)
        if isinstance(link, Plain):
            return await link.peek(request)
        if not sudo:
            try:
                answer: dict[str, Any] = await asyncio.to_thread(link.ask, request, GLANCE)
            except TimeoutError as error:
                raise TimedOut(f"{self.name} did not say in time what is in {clean(note)[:200]}.") from error
            except (OSError, ValueError) as error:
                raise Unreachable(
                    f"{self.name} did not say what is in {clean(note)[:200]}: {error}."
                ) from error
            return answer
        argv = [sys.executable, "-I", "-S", peek.__file__]
        completed = await self.run(argv, input=json.dumps(request).encode(), note=note)
        try:
            answer = json.loads(completed.stdout)
        except ValueError as error:
            said = completed.errors.rpartition("\n")[2] or "it said nothing"
            raise HostError(f"{clean(note)} could not be read as root on {self.name}: {said}") from error
        return answer

    def _file(self, path: str, found: dict[str, Any]) -> File | HostError:
        import base64

        if isinstance(found.get("data"), str):
            found["data"] = base64.b64decode(found["data"])
        return file(self.name, path, found)

    def _may(self, argv: Sequence[str], changes: bool) -> None:
        if changes and self.read_only:
            raise ReadOnly(f"{self.name} is open read-only: {argv[0]} would change it, so it was not run.")


def _called(argv: Sequence[str]) -> str:
    """What a command is called there."""
    return "python3" if argv[0] == sys.executable else argv[0]


def _shown(words: Sequence[str], argv: Sequence[str]) -> list[str]:
    """A command as the log shows it: for a program of ours its name in place of the text that starts it."""
    program = next((word for word in argv if word.startswith(_HERE + os.sep)), "")
    name = os.path.relpath(program, _HERE).removesuffix("/__main__.py") if program else ""
    shown = ["python3" if word == "{python}" else word for word in words]
    return [f"<{name}>" if word == STUB else word for word in shown]

"""A host whose commands run through ``sudo -n``, one by one, where they need root.

mtatui itself stays an ordinary user's process. sudo never asks here (``-n``): what it does not allow is
refused in words, with the sudoers lines that would allow it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mtatui.backends.host import Completed, File, HostError, NotPermitted
from mtatui.backends.host_local import PATH, LocalHost

#: The commands that need root; the others run as the user.
AS_ROOT = frozenset({"postsuper", "postcat", "python3", sys.executable})
#: Those that need root only where they change something.
TO_CHANGE = frozenset({"postfix", "systemctl", "service"})

_REFUSAL = re.compile(
    rb"sudo: .*(password|terminal) is required|sudo: .*not allowed"
    rb"|Sorry, user .* (is not allowed|may not run sudo)|\S+ is not in the sudoers file"
)


class SudoHost(LocalHost):
    """This machine, with sudo for the commands that need root."""

    def __init__(
        self,
        name: str = "localhost",
        *,
        read_only: bool = False,
        as_root: frozenset[str] = AS_ROOT,
    ) -> None:
        super().__init__(name, read_only=read_only)
        self.superuser = True
        self._as_root = as_root

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command, behind sudo where it needs root and we are not."""
        if argv[0] in self._as_root and os.geteuid() != 0:
            return ["sudo", "-n", "--", *argv]
        return list(argv)

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
        """Run a command to its end; see `Host.run`.

        Raises:
            NotPermitted: besides what `Host.run` raises, sudo refused.
        """
        as_root = changes and argv[0] in TO_CHANGE and os.geteuid() != 0
        completed = await super().run(
            ["sudo", "-n", "--", *argv] if as_root else argv,
            changes=changes,
            input=input,
            timeout=timeout,
            note=note,
            on_stderr=on_stderr,
            limit=limit,
        )
        if completed.returncode == 1 and argv[0] != "sudo" and refused(completed.stderr):
            raise NotPermitted(refusal(argv))
        return completed

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files, as root at those that this user may not read; see `Host.files`."""
        files = await super().files(paths, contents=contents)
        closed = [path for path, file in files.items() if isinstance(file, NotPermitted)]
        if not closed or os.geteuid() == 0:
            return files
        import base64

        try:
            answer = await self._peek({"paths": closed, "contents": contents}, ", ".join(closed))
        except HostError as error:
            return files | dict.fromkeys(closed, error)
        for path, found in answer.items():
            if "data" in found:
                found["data"] = base64.b64decode(found["data"])
            files[path] = self._file(path, found)
        return files

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory, as root where this user may not look; see `Host.names`."""
        try:
            return await super().names(directory)
        except NotPermitted:
            if os.geteuid() == 0:
                raise
        return self._names(directory, await self._peek({"directory": directory}, directory))

    async def _peek(self, request: Mapping[str, Any], note: str) -> dict[str, Any]:
        """Have `peek` look, as root.

        Raises:
            HostError: it could not, in words.
        """
        import json

        from mtatui.backends import peek

        argv = [sys.executable, "-I", "-S", peek.__file__]
        completed = await self.run(argv, input=json.dumps(request).encode(), note=note)
        try:
            answer: dict[str, Any] = json.loads(completed.stdout)
        except ValueError as error:
            why = completed.errors.rpartition("\n")[2] or "it said nothing"
            raise HostError(f"{note} could not be read as root: {why}") from error
        return answer


def refused(stderr: bytes) -> bool:
    """Whether standard error is sudo's, saying no (sudo(8), "SECURITY NOTES" and plugin messages)."""
    return any(_REFUSAL.match(line) for line in stderr.split(b"\n"))


def refusal(argv: Sequence[str]) -> str:
    """What to tell the person whom sudo refused: the lines that would allow it."""
    return (
        f"sudo does not allow {argv[0]} without a password. For root to add with visudo:\n  "
        + "\n  ".join(sudoers(_user(), [argv]))
    )


def sudoers(user: str, commands: Iterable[Sequence[str]]) -> Iterator[str]:
    """The sudoers lines that let a user run these commands as root; a lone name allows any arguments.

    postsuper and postcat read their own arguments carefully; Python does not, so its line names the one
    program that mtatui starts with it. That program must lie where only root can write.
    """
    for argv in commands:
        path = shutil.which(argv[0], path=PATH) or argv[0]
        arguments = (
            "" if os.path.basename(path) in ("postsuper", "postcat") else " ".join(map(_quote, argv[1:]))
        )
        yield f"{_quote(user)} ALL=(root) NOPASSWD: {_quote(path)}{' ' if arguments else ''}{arguments}"


def _quote(word: str) -> str:
    """One word as sudoers(5) wants it: its own special characters and wildcards behind a backslash."""
    return re.sub(r"([,:=\\\s*?\[\]!])", r"\\\1", word)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"#{os.getuid()}"

"""A server as it would be with some of its files otherwise: what is read of it is read as from then."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from os.path import basename, dirname

from mtatui.backends.host import Child, CommandLog, Completed, File, Host, HostError, Missing
from mtatui.settings.plan import Tag


class Overlay:
    """A `Host` on which some files hold other bytes, or are not there. Its commands are the real ones: they
    see the files as they are."""

    def __init__(self, host: Host, files: Mapping[str, bytes | None]) -> None:
        self._host = host
        self._files = files
        self.name: str = host.name
        self.read_only: bool = host.read_only
        self.superuser: bool = host.superuser
        self.limits: str = host.limits
        self.log: CommandLog = host.log

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files, as they would be; see `Host.files`."""
        wanted = list(paths)
        found = await self._host.files([p for p in wanted if p not in self._files], contents=contents)
        return {path: found[path] if path in found else self._file(path) for path in wanted}

    def _file(self, path: str) -> File | HostError:
        data = self._files[path]
        if data is None:
            return Missing(f"There is no {path} on {self.name}.")
        return File(data, Tag(0, 0, len(data), hashlib.sha256(data).hexdigest()), 0o644, 0, 0)

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory, as it would be; see `Host.names`."""
        names = set(await self._host.names(directory))
        for path, data in self._files.items():
            if dirname(path) == directory.rstrip("/"):
                (names.discard if data is None else names.add)(basename(path))
        return tuple(sorted(names))

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
        """Run a command to its end; see `Host.run`."""
        return await self._host.run(
            argv, changes=changes, input=input, timeout=timeout, note=note, on_stderr=on_stderr, limit=limit
        )

    def child(self, argv: Sequence[str], *, changes: bool = False) -> Child:
        """Start a long-lived child; see `Host.child`."""
        return self._host.child(argv, changes=changes)

    def can(self, command: str) -> bool:
        """Whether the command is to be found; see `Host.can`."""
        return self._host.can(command)

    def refusal(self, argv: Sequence[str]) -> str:
        """What sudo did not allow; see `Host.refusal`."""
        return self._host.refusal(argv)

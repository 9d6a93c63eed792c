"""Fixtures of the contract tests: recordings, and a host that plays them."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import pytest

from mtatui.backends.host import CommandLog, Completed, File, HostError
from tests.contract.recording import VERSIONS, Names, Recording, load


class ReplayHost:
    """A host on which every command does what was recorded, and no other command exists."""

    name = "replay"
    read_only = False
    limits = ""

    def __init__(self, recordings: dict[str, Recording], *, root: bool = True) -> None:
        self.superuser = root
        self.log = CommandLog()
        self._recordings = {
            (r.argv, r.root): r
            for name, r in recordings.items()
            if not name.startswith(("down-", "refused-"))
        }

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
        recording = self._recordings[tuple(argv), self.superuser]
        for line in recording.stderr.splitlines() if on_stderr else ():
            assert on_stderr is not None
            on_stderr(line)
        return completed(recording)

    def child(self, argv: Sequence[str], *, changes: bool = False) -> subprocess.Popen[bytes]:
        raise AssertionError("a recording is no living child")

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        raise AssertionError("of files nothing was recorded")

    async def names(self, directory: str) -> tuple[str, ...]:
        raise AssertionError("of directories nothing was recorded")

    def can(self, command: str) -> bool:
        return True

    def refusal(self, argv: Sequence[str]) -> str:
        raise AssertionError("nothing was refused")


def completed(recording: Recording) -> Completed:
    """A recording as a host gives it."""
    return Completed(recording.argv, recording.returncode, recording.stdout, recording.stderr, 0.0)


@pytest.fixture(params=VERSIONS, scope="session")
def version(request: pytest.FixtureRequest) -> str:
    """Each version of Postfix of which there are recordings."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def names(version: str) -> Names:
    """The queue IDs that the recorded commands name."""
    return load(version)[0]


@pytest.fixture
def recordings(version: str) -> dict[str, Recording]:
    """The recorded commands by name."""
    return load(version)[1]

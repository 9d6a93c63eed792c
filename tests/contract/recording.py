"""What real Postfix commands said, word for word, and the spool they said it about.

``scripts/record-contract`` makes the recordings under ``data/``, one pair of files a Postfix version: a queue
directory as it lay on disk, and the commands that were run on it, in order. Whatever reads such output, or
stands in for such a command, is held against them.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"
VERSIONS = tuple(sorted(path.stem.removeprefix("postfix-") for path in DATA.glob("postfix-*.json")))

#: The queue IDs of the recorded spool that the commands name, by what they are.
Names = dict[str, str]


@dataclass(frozen=True)
class Recording:
    """One command and all that came of it. Paths of the instance read ``/stack``; ``-c DIR`` is left out."""

    name: str
    argv: tuple[str, ...]
    input: bytes
    root: bool
    returncode: int
    stdout: bytes
    stderr: bytes


def save(version: str, names: Names, recordings: list[Recording]) -> None:
    """Write the recordings of one Postfix version. Bytes are kept exactly (surrogate escapes)."""
    commands = [
        {key: value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
         for key, value in asdict(recording).items()}
        for recording in recordings
    ]  # fmt: skip
    text = json.dumps({"names": names, "commands": commands}, indent=1)
    (DATA / f"postfix-{version}.json").write_text(text + "\n")


def load(version: str) -> tuple[Names, dict[str, Recording]]:
    """The names and recordings of one Postfix version; these by name, in the order they were made."""
    data = json.loads((DATA / f"postfix-{version}.json").read_text())
    recordings = {}
    for command in data["commands"]:
        for key in ("input", "stdout", "stderr"):
            command[key] = command[key].encode("utf-8", "surrogateescape")
        recordings[command["name"]] = Recording(**{**command, "argv": tuple(command["argv"])})
    return data["names"], recordings


def save_spool(version: str, queue: Path) -> None:
    """Pack the messages of a queue directory, with what Postfix wrote about them."""
    states = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "defer", "bounce")
    with tarfile.open(DATA / f"spool-{version}.tar.gz", "w:gz") as archive:
        for state in states:
            archive.add(queue / state, state)


def unpack_spool(version: str, queue: Path) -> Path:
    """Unpack the recorded spool into an empty directory, modes and times as they were."""
    with tarfile.open(DATA / f"spool-{version}.tar.gz") as archive:
        archive.extractall(queue, filter="fully_trusted")
    return queue

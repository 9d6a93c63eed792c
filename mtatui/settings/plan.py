"""A plan: what a change would do, before anything was touched. Edits, commands, cautions, and it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mtatui.text import clean

#: What stands in a diff, a log or a history where a password is.
MASK = "••••••••"


@dataclass(frozen=True, slots=True)
class Tag:
    """What a file was when it was read: enough to see that somebody changed it meanwhile."""

    inode: int
    mtime_ns: int
    size: int
    digest: str
    """SHA-256 of its bytes, in hex."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A file as it is and as it shall be. Bytes, because an admin's file may hold any."""

    path: str
    before: bytes | None
    """None: there is no such file yet."""
    after: bytes | None
    """None: it goes."""
    tag: Tag | None = None
    """Of `before`; None for a new file."""
    mode: int = 0o644
    """Of a new file; one that is there keeps its own, and its owner."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not be shown: passwords in it."""

    def diff(self) -> list[str]:
        """The change as a unified diff (three lines of context), masked, fit for a terminal."""
        import difflib

        path = clean(self.path)
        names = (
            path if self.before is not None else "/dev/null",
            path if self.after is not None else "/dev/null",
        )
        before, after = self._shown(self.before), self._shown(self.after)
        lines = list(difflib.unified_diff(before, after, *names, lineterm=""))
        if lines or self.before == self.after:
            return lines
        why = f"what {MASK} stands for" if self.secrets else "what is not shown: line ends, empty files"
        return [f"--- {names[0]}", f"+++ {names[1]}", f"@@ only {why} changes @@"]

    def _shown(self, data: bytes | None) -> list[str]:
        text = (data or b"").decode("utf-8", "replace")
        for secret in self.secrets:
            if secret:
                text = text.replace(secret, MASK)
        return [clean(line.replace("\t", "    ")) for line in text.splitlines()]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the plan, and how its answer is read."""

    argv: tuple[str, ...]
    """``{stage}`` stands for the staged copy of the configuration directory."""
    refuses: str = ""
    """A regular expression: a line of output that matches means no, whatever the exit status says."""
    timeout: float = 30.0
    input: str = ""
    statuses: tuple[int, ...] = (0,)
    """Exit statuses that mean no refusal."""

    def __str__(self) -> str:
        """As a person would type it; STAGE is the staged copy."""
        import shlex

        return shlex.join(word.replace("{stage}", "STAGE") for word in self.argv)


@dataclass(frozen=True, slots=True)
class Probe:
    """What must answer after the reload. ``kind`` is "smtp": a greeting, EHLO, MAIL, RCPT, RSET, QUIT, in
    which neither 421 nor 451 4.3.x is well (see facts of smtpd(8))."""

    kind: str
    name: str
    """The service, as master.cf names it."""
    address: str
    port: int
    tls: bool = False
    """It speaks TLS from the first byte."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"probe {host}:{self.port} ({self.name})"


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning about what the change would do. A grave one wants to be agreed to by itself."""

    text: str
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One setting's way from one value to another, in words; secrets are masked."""

    key: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one apply does."""

    server: str
    changes: tuple[Change, ...]
    words: tuple[str, ...]
    """What it means, in sentences."""
    edits: tuple[Edit, ...]
    directory: str
    """The configuration directory that is staged."""
    checks: tuple[Command, ...] = ()
    reload: tuple[Command, ...] = ()
    probes: tuple[Probe, ...] = ()
    cautions: tuple[Caution, ...] = ()
    relied_on: tuple[tuple[str, Tag], ...] = ()
    """Files that were read for it and are not edited: they, too, must be as they were."""
    undoes: str = ""
    """The history entry that it takes back."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do: not a byte would change."""
        return not self.edits

    @property
    def grave(self) -> tuple[Caution, ...]:
        """The cautions that must be agreed to."""
        return tuple(caution for caution in self.cautions if caution.grave)

    def diff(self) -> list[str]:
        """All edits as one unified diff, masked."""
        return [line for edit in self.edits for line in edit.diff()]

    def commands(self) -> Sequence[str]:
        """What will run, in order, as a person would type it."""
        return [*(str(command) for command in (*self.checks, *self.reload)), *map(str, self.probes)]

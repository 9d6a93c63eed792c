"""A plan: what a change would do, before anything was touched. Edits, commands, cautions, and it in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mtatui.text import clean

#: What stands in a diff, a log or a history where a password is.
MASK = "••••••••"
#: Bytes of a file that a person may want to read in a diff; one that has more is signatures, or a table.
LEGIBLE = 2 * 1024 * 1024
#: A private key, whoever's it is (RFC 7468).
_PRIVATE = re.compile(r"(-----BEGIN [^-\n]*PRIVATE KEY-----).*?(-----END |\Z)", re.DOTALL)


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
    owner: str = ""
    """``user:group`` of a new file; "" for root."""

    def diff(self) -> list[str]:
        """The change as a unified diff (three lines of context), masked, fit for a terminal."""
        import difflib

        if self.before == self.after:
            return []
        path = clean(self.path)
        names = (
            path if self.before is not None else "/dev/null",
            path if self.after is not None else "/dev/null",
        )
        if any(data and (len(data) > LEGIBLE or b"\0" in data) for data in (self.before, self.after)):
            sizes = " → ".join(f"{len(data or b''):,} bytes" for data in (self.before, self.after))
            return [f"--- {names[0]}", f"+++ {names[1]}", f"@@ {sizes}, nothing that a person reads @@"]
        before, after = self._shown(self.before), self._shown(self.after)
        lines = list(difflib.unified_diff(before, after, *names, lineterm=""))
        if lines:
            return lines
        hidden = self.secrets or MASK in "".join(after)
        why = f"what {MASK} stands for" if hidden else "what is not shown: line ends, empty files"
        return [f"--- {names[0]}", f"+++ {names[1]}", f"@@ only {why} changes @@"]

    def _shown(self, data: bytes | None) -> list[str]:
        text = _PRIVATE.sub(rf"\1{MASK}\2", (data or b"").decode("utf-8", "replace"))
        for secret in self.secrets:
            if secret:
                text = text.replace(secret, MASK)
        return [clean(line.replace("\t", "    ")) for line in text.splitlines()]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the plan, and how its answer is read."""

    argv: tuple[str, ...]
    """``{stage}`` stands for the staged copy of Postfix's configuration directory, and
    ``{file:/etc/clamav/clamd.conf}``, which may be part of a word, for the staged copy of that file where it
    is edited, else for the file itself."""
    refuses: str = ""
    """A regular expression: a line of output that matches means no, whatever the exit status says."""
    timeout: float = 30.0
    input: str = ""
    statuses: tuple[int, ...] = (0,)
    """Exit statuses that mean no refusal."""
    awaits: str = ""
    """Of one that only signals a daemon: a regular expression for the line of its log with which it begins
    anew. Until then (or a line that `refuses`) it answers with its old settings, and that proves nothing."""

    def __str__(self) -> str:
        """As a person would type it; STAGE is where the staged copies are."""
        import shlex

        words = (word.replace("{stage}", "STAGE") for word in self.argv)
        return shlex.join(re.sub(r"\{file:(?:[^}]*/)?([^}]*)\}", r"STAGE/\1", word) for word in words)


@dataclass(frozen=True, slots=True)
class Probe:
    """What must answer after the reload. ``kind`` is "smtp": a greeting, EHLO, MAIL, RCPT, RSET, QUIT, in
    which neither 421 nor 451 4.3.x is well (see facts of smtpd(8)). In a `Care` it is "amavis" (a greeting),
    "clamd" (PING), "spamd" (PING) or "milter" (it negotiates): see `mtatui.backends.looking.protocols`."""

    kind: str
    name: str
    """The service, as master.cf names it; in a `Care` what the person calls it."""
    address: str
    """A host or an address; in a `Care` also the path of a socket."""
    port: int = 0
    """0 for a socket."""
    tls: bool = False
    """It speaks TLS from the first byte."""

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"probe {host}:{self.port} ({self.name})" if self.port else f"probe {host} ({self.name})"


@dataclass(frozen=True, slots=True)
class Care:
    """What a daemon beside Postfix needs when files of its own change."""

    service: str
    """What `mtatui services` calls it: "amavis", "clamd", "freshclam", "opendkim"."""
    checks: tuple[Command, ...] = ()
    """Run before anything is touched."""
    running: Command | None = None
    """It exits with 0 while the daemon runs. One that does not run is not started: it reads its files when it
    starts. None: what is in `take` is always done."""
    expected: bool = True
    """It is worth a word if it does not run; not so if it only might."""
    take: tuple[Command, ...] = ()
    """What has it take the new files: a reload, a restart. After each of them the probe must answer."""
    back: tuple[Command, ...] = ()
    """The same, after the old files are back, when the daemon may have died of the new ones; () means
    `take`."""
    probe: Probe | None = None
    """What must answer then. What did not answer before need not answer afterwards."""
    patience: float = 30.0
    """Seconds until it must answer: clamd loads signatures for half a minute and more."""
    logs: tuple[str, ...] = ()
    """Files in which it writes its own log, besides what it tells syslog and the journal."""
    explain: Command | None = None
    """Run when it does not even run with its new files, for it to say why: init scripts swallow what a daemon
    says at its start. Stopped at its time limit, should it start after all."""
    words: str = ""
    """What is left to be done by hand, where nobody manages services: ``restart clamd: nobody here knows how
    it was started``."""

    def commands(self) -> Sequence[str]:
        """What has it take its new files, as a person would type it."""
        return [*map(str, self.take), *([str(self.probe)] if self.probe and self.take else [])]


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
    was: Any = None
    """The value before, as a profile has it (`Kind.dump`), where the files alone do not tell it."""


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
    care: tuple[Care, ...] = ()
    """What the daemons beside Postfix need, one for each; before Postfix, which asks them, takes its own."""
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
        checks = (*self.checks, *(check for care in self.care for check in care.checks))
        taken = (command for care in self.care for command in care.commands())
        return [*map(str, checks), *taken, *map(str, (*self.reload, *self.probes))]

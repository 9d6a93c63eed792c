"""Changes of a private Postfix's settings: plans made by hand, applied by the real program on the server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mtatui.backends import applying, history
from mtatui.backends.applying import Applied, Step
from mtatui.backends.history import Entry
from mtatui.backends.host import Host
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.transaction import master
from mtatui.backends.transaction.room import Room
from mtatui.settings.plan import Change, Command, Edit, Plan, Probe, Tag
from tests.stack import ways
from tests.stack.postfix import PostfixInstance

WHO = "ada"


def edit(path: Path, after: bytes | None, mode: int = 0o644) -> Edit:
    """One file on its way from what it is to something else."""
    if not path.exists():
        return Edit(str(path), None, after, mode=mode)
    before, info = path.read_bytes(), path.stat()
    tag = Tag(info.st_ino, info.st_mtime_ns, info.st_size, hashlib.sha256(before).hexdigest())
    return Edit(str(path), before, after, tag)


def began(applied: Applied) -> list[str]:
    """The steps that were begun, in order."""
    return [step.name for step in applied.steps if step.state == "begins"]


class Killed(LocalHost):
    """This machine, where the program that changes settings dies at a moment, and rehearses nothing: see
    `tests.stack.killed`. ``nobody``: it does not die."""

    def __init__(self, moment: str) -> None:
        super().__init__()
        self.moment = moment

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command; for the program, the one that dies."""
        argv = list(argv)
        if str(applying.PROGRAM) in argv and self.moment:
            at = argv.index(str(applying.PROGRAM))
            argv[at : at + 1] = [
                str(Path(__file__).with_name("killed.py")),
                str(applying.PROGRAM.parents[1]),
                self.moment,
            ]
            self.moment = ""  # whoever looks afterwards lives
        return argv


def sleeping(seconds: float) -> Command:
    """A command that takes its time."""
    return Command(("sleep", str(seconds)))


def same(edits: tuple[Edit, ...], *, after: bool) -> bool:
    """Whether the files are as they were before these edits, or as they should be after them, all of them."""
    for one in edits:
        wanted, path = one.after if after else one.before, Path(one.path)
        if (path.read_bytes() if path.exists() else None) != wanted:
            return False
    return True


@dataclass
class Desk:
    """Where one applies changes to an instance, and looks at what came of them."""

    instance: PostfixInstance
    host: Host = field(default_factory=ways.host)

    def __enter__(self) -> Self:
        """Begin without a history."""
        shutil.rmtree(self.instance.queue / "mtatui", ignore_errors=True)
        self._before = {path: path.read_bytes() for path in self.instance.config.iterdir() if path.is_file()}
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """See that nothing lies about and Postfix answers; have the configuration be as it was."""
        litter = self.litter()
        shutil.rmtree(self.instance.config / "mtatui", ignore_errors=True)
        for path, data in self._before.items():
            if path.is_symlink() or not path.exists() or path.read_bytes() != data:
                path.unlink(missing_ok=True)
                path.write_bytes(data)
                os.utime(path, (1, 1))
        self.instance.run("postfix", "reload")
        if failed is None:
            assert litter == []
            assert self.greets()

    @property
    def queue(self) -> str:
        return str(self.instance.queue)

    @property
    def home(self) -> Path:
        """Where the history lies."""
        return self.instance.queue / "mtatui" / "settings"

    @property
    def main_cf(self) -> Path:
        return self.instance.config / "main.cf"

    def edits(self, **parameters: str) -> tuple[Edit, ...]:
        """An edit of main.cf that sets parameters."""
        after = MainCf.parse(self.main_cf.read_bytes())
        for name, value in parameters.items():
            after = after.set(name, value)
        return (edit(self.main_cf, after.data),)

    def plan(self, *edits: Edit, checks: bool = True) -> Plan:
        """A plan of these edits, with the commands that a page's plan has."""
        config = str(self.instance.config)
        check = Command(("postfix", "-c", "{stage}", "check"), refuses=r"fatal|error")
        session = Command(("sendmail", "-C", "{stage}", "-bs"), refuses="fatal|^421", input="QUIT\r\n")
        return Plan(
            server="mail.stack.test",
            changes=(Change("inbound.smtpd_helo_required", "HELO is required", "off", "on"),),
            words=("Clients must greet.",),
            edits=edits,
            directory=config,
            checks=(check, session) if checks else (),
            reload=(Command(("postfix", "-c", config, "reload"), refuses="fatal"),),
            probes=(Probe("smtp", f"{self.instance.address}:25", self.instance.address, 25),),
        )

    def apply(
        self,
        plan: Plan,
        *,
        confirm_within: float | None = None,
        progress: Callable[[Step], None] = lambda step: None,
        host: Host | None = None,
    ) -> Applied:
        """Apply it, and wait for the outcome."""
        return asyncio.run(self.applying(plan, confirm_within=confirm_within, progress=progress, host=host))

    async def applying(
        self,
        plan: Plan,
        *,
        confirm_within: float | None = None,
        progress: Callable[[Step], None] = lambda step: None,
        cancel: asyncio.Event | None = None,
        host: Host | None = None,
    ) -> Applied:
        """Apply it, as both faces do."""
        return await applying.apply(
            host or self.host,
            self.queue,
            plan,
            who=WHO,
            confirm_within=confirm_within,
            progress=progress,
            cancel=cancel,
            log=str(self.instance.log),
        )

    def roll_back(self, id: str) -> Applied:
        """Take back what waits to be confirmed."""
        return asyncio.run(applying.roll_back(self.host, self.queue, id, who=WHO))

    def confirm(self, id: str, who: str = WHO) -> Entry:
        """Keep it."""
        return asyncio.run(history.confirm(self.host, self.queue, id, who=who))

    def settle(self) -> list[Entry]:
        """Take back what nobody else does."""
        return asyncio.run(history.settle(self.host, self.queue, who=WHO))

    def entries(self) -> list[Entry]:
        """The history, the last first."""
        return asyncio.run(history.entries(self.host, self.queue))

    def entry(self, id: str) -> Entry:
        """One entry."""
        return asyncio.run(history.entry(self.host, self.queue, id))

    def ended(self, id: str) -> Entry:
        """An entry, when it has come to its end."""
        room = Room(self.queue)  # without a program for each look
        self.instance.wait_until(lambda: room.entry(id).ended, f"the end of {id}")
        return self.entry(id)

    def litter(self) -> list[str]:
        """What we left lying about: files beside those of the configuration, staged copies of it."""
        beside = self.instance.root.rglob("*.mtatui-*")
        return [str(path) for path in (*beside, *self.home.glob("*/stage"))]

    def greets(self) -> bool:
        """Whether Postfix answers its clients now."""
        return self.instance.wait_until(self.instance._greets, "a greeting", 30)

    def works(self) -> bool:
        """Whether it takes a message."""
        return bool(self.instance.send("me@sender.test", "you@ok.test"))


@contextlib.contextmanager
def another_master(instance: PostfixInstance) -> Iterator[None]:
    """End the master that somebody else has started for an instance, when its own has died."""
    try:
        yield
    finally:
        pid = master.pid(str(instance.queue))
        if pid and instance.master is not None and pid != instance.master.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

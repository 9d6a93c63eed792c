"""Changes of the filters' files on real daemons, by the real program on the server: plans made by hand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mtatui.backends import applying, history
from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.configuration import Configuration
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.history import Entry
from mtatui.backends.host import Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.settings.plan import Care, Command, Edit, Plan, Probe, Tag
from tests.stack.changes import Killed
from tests.stack.machine import Machine

pytestmark = pytest.mark.stack

QUEUE = "/var/spool/postfix"
CLAMD, OURS = "/etc/clamav/clamd.conf", "/etc/amavis/conf.d/60-mtatui"
AMAVIS_UNIT, CLAMD_UNIT = Unit(Manager.SYSV, "amavis"), Unit(Manager.SYSV, "clamav-daemon")
CLAMD_CARE = Care(
    "clamd",
    running=CLAMD_UNIT.running,
    take=(CLAMD_UNIT.command("restart"),),
    probe=Probe("clamd", "clamd", "/var/run/clamav/clamd.ctl"),
    logs=("/var/log/clamav/clamav.log",),
)
AMAVIS_CARE = Care(
    "amavis",
    running=AMAVIS_UNIT.running,
    take=(AMAVIS_UNIT.command("restart"),),
    probe=Probe("amavis", "amavis", "127.0.0.1", 10024),
    patience=20.0,
    explain=Command(("amavisd", "foreground"), timeout=5),
)
#: What test-config does not mind, and amavisd dies of at its start.
DEADLY = b"use strict;\n$myhostname = 'nodots';\n1;\n"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


class Bench:
    """What is done with a machine's filters."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def edit(self, path: str, after: Callable[[bytes], bytes | None], mode: int = 0o644) -> Edit:
        """A file on its way to something else."""
        there = self.machine.path(path)
        if not there.exists():
            return Edit(path, None, after(b""), mode=mode)
        before, info = there.read_bytes(), there.stat()
        tag = Tag(info.st_ino, info.st_mtime_ns, info.st_size, hashlib.sha256(before).hexdigest())
        return Edit(path, before, after(before), tag)

    def clamd(self, line: str) -> Edit:
        """Another line in clamd.conf."""
        return self.edit(CLAMD, lambda data: data + f"{line}\n".encode())

    def amavis(self, data: bytes | None) -> Edit:
        """Our file of amavis."""
        return self.edit(OURS, lambda _: data)

    def plan(self, edit: Edit, care: Care) -> Plan:
        """A change of one daemon's file."""
        return Plan("mail", (), ("A test.",), (edit,), "/etc/postfix", care=(care,))

    def apply(self, plan: Plan, host: LocalHost | None = None, **options: float) -> Applied:
        """Apply it."""
        told: list[Step] = []
        return asyncio.run(
            applying.apply(host or self.machine.host, QUEUE, plan, who="ada", progress=told.append, **options)  # type: ignore[arg-type]  # only confirm_within
        )

    def entries(self) -> list[Entry]:
        """The history, the last first."""
        return asyncio.run(history.entries(self.machine.host, QUEUE))

    def settle(self) -> list[Entry]:
        """Settle what was interrupted."""
        return asyncio.run(history.settle(self.machine.host, QUEUE, who="bob"))

    def holds(self, edit: Edit, *, after: bool) -> bool:
        """Whether the file is as it shall be, or as it was; and nothing lies beside it."""
        path = self.machine.path(edit.path)
        there = path.read_bytes() if path.exists() else None
        assert not list(path.parent.glob(".*.mtatui-*"))
        return there == (edit.after if after else edit.before)

    def pid(self, daemon: str) -> int:
        """The process of a daemon, its first one."""
        file = {"clamd": "clamav/clamd.pid", "amavisd": "amavis/amavisd.pid"}[daemon]
        return int(self.machine.path(f"/run/{file}").read_text())


@pytest.fixture
def bench(machine: Machine) -> Iterator[Bench]:
    clamd = machine.path(CLAMD).read_bytes()
    bench = Bench(machine)
    yield bench
    machine.path(CLAMD).write_bytes(clamd)
    machine.path(OURS).unlink(missing_ok=True)
    for unit in ("clamav-daemon", "amavis"):
        if not machine.answers(unit):
            machine.start(unit)


def test_clamd_takes_it_and_postfix_is_left_alone(bench: Bench) -> None:
    edit, before = bench.clamd("AlertEncryptedArchive yes"), bench.pid("clamd")
    log = bench.machine.log(1)
    applied = bench.apply(bench.plan(edit, CLAMD_CARE))
    assert (applied.outcome, applied.text) == (Ending.APPLIED, "Applied.")
    assert bench.holds(edit, after=True)
    assert bench.pid("clamd") != before
    assert bench.machine.answers("clamav-daemon")
    assert [step.command for step in applied.steps if step.command] == ["service clamav-daemon restart"]
    since = bench.machine.log(10_000).rpartition(log)[2]
    assert "postfix/" not in since
    assert "clamd answers" in next(s.text for s in applied.steps if (s.name, s.state) == ("reload", "done"))


def test_a_new_file_has_its_owner_and_mode(bench: Bench) -> None:
    edit = replace(bench.edit("/etc/dkimkeys/new", lambda _: b"key\n", 0o600), owner="opendkim:opendkim")
    assert bench.apply(bench.plan(edit, Care("opendkim"))).outcome is Ending.APPLIED
    there = bench.machine.path(edit.path)
    assert (there.owner(), there.group(), there.stat().st_mode & 0o777) == ("opendkim", "opendkim", 0o600)
    goes = bench.edit(edit.path, lambda _: None)
    assert bench.apply(bench.plan(goes, Care("opendkim"))).outcome is Ending.APPLIED
    assert not there.exists()
    nobody = replace(edit, owner="no-such:user")
    applied = bench.apply(bench.plan(nobody, Care("opendkim")))
    assert applied.outcome is Ending.REFUSED
    assert "no-such:user" in applied.text
    assert not there.exists()


def test_a_check_is_made_on_the_staged_file(bench: Bench) -> None:
    """Its words name the file by its own name, and nobody was told to take anything."""
    edit, before = bench.amavis(b"use strict;\n$sa_tag_level = ;\n1;\n"), bench.pid("amavisd")
    others = sorted(p.name for p in bench.machine.path("/etc/amavis/conf.d").iterdir())
    argv = ["amavisd", *(word for name in others for word in ("-c", f"/etc/amavis/conf.d/{name}"))]
    check = Command((*argv, "-c", f"{{file:{OURS}}}", "test-config"))
    applied = bench.apply(bench.plan(edit, replace(AMAVIS_CARE, checks=(check,))))
    assert applied.outcome is Ending.REFUSED
    assert "syntax error" in applied.text
    assert OURS in applied.text
    assert bench.holds(edit, after=False)
    assert bench.pid("amavisd") == before


def test_a_daemon_that_does_not_come_back(bench: Bench) -> None:
    """It was well with the old file, and is again; what it said itself is told."""
    edit = bench.amavis(DEADLY)
    applied = bench.apply(bench.plan(edit, AMAVIS_CARE))
    assert (applied.outcome, applied.exit_code) == (Ending.ROLLED_BACK, 5)
    assert 'The value of variable $myhostname is "nodots"' in applied.text
    assert "amavis is well" in applied.text
    assert bench.holds(edit, after=False)
    assert bench.machine.answers("amavis")
    assert bench.entries()[0].outcome is Ending.ROLLED_BACK


def test_one_that_does_not_run_is_not_started(bench: Bench) -> None:
    bench.machine.kill("clamd")
    edit = bench.clamd("LogVerbose yes")
    applied = bench.apply(bench.plan(edit, CLAMD_CARE))
    assert (applied.outcome, applied.text) == (Ending.APPLIED, "Applied; clamd does not run.")
    assert bench.holds(edit, after=True)
    assert bench.machine.pids("clamd") == []
    assert not any(step.command for step in applied.steps)


def test_one_that_was_not_well_before_need_not_be_well_after(bench: Bench) -> None:
    edit = bench.clamd("LogVerbose yes")
    wrong = replace(CLAMD_CARE, probe=Probe("clamd", "clamd", "/var/run/clamav/elsewhere.ctl"))
    begun = time.monotonic()
    applied = bench.apply(bench.plan(edit, wrong))
    assert time.monotonic() - begun < wrong.patience
    assert applied.outcome is Ending.APPLIED
    assert bench.holds(edit, after=True)
    assert any("there is no such socket, before any change" in step.text for step in applied.steps)


def test_where_nobody_manages_services_a_person_is_told_what_to_do(bench: Bench) -> None:
    edit, before = bench.clamd("LogVerbose yes"), bench.pid("clamd")
    care = Care("clamd", probe=CLAMD_CARE.probe, words="restart clamd: nobody here knows how it was started")
    applied = bench.apply(bench.plan(edit, care))
    assert applied.outcome is Ending.APPLIED
    assert applied.text == "Applied. By hand: restart clamd: nobody here knows how it was started."
    assert bench.pid("clamd") == before


def test_stopped_while_it_is_waited_for(bench: Bench) -> None:
    """No second restart before it has answered to the first."""
    edit = bench.amavis(b"use strict;\n$log_level = 1;\n1;\n")

    async def run() -> Applied:
        cancel = asyncio.Event()

        def stop(step: Step) -> None:
            if step.command:
                cancel.set()

        plan = bench.plan(edit, AMAVIS_CARE)
        return await applying.apply(bench.machine.host, QUEUE, plan, who="ada", progress=stop, cancel=cancel)

    applied = asyncio.run(run())
    assert applied.outcome is Ending.ROLLED_BACK
    assert "stopped on request" in applied.text
    assert bench.holds(edit, after=False)
    assert bench.machine.answers("amavis")


def test_not_confirmed(bench: Bench) -> None:
    edit = bench.clamd("LogVerbose yes")
    applied = bench.apply(bench.plan(edit, CLAMD_CARE), confirm_within=0.1)
    assert applied.outcome is Ending.AWAITING
    new = bench.pid("clamd")
    bench.machine.wait_until(lambda: bench.entries()[0].outcome is Ending.ROLLED_BACK, "the guard")
    assert bench.holds(edit, after=False)
    assert bench.pid("clamd") != new
    assert bench.machine.answers("clamav-daemon")


async def test_all_at_once_and_undone(bench: Bench) -> None:
    """Postfix and two daemons in one change; what is undone after a further change is undone by settings."""
    configuration = Configuration(bench.machine.host)
    size, tag = "outbound.message_size_limit", "filtering.spam_subject_tag"
    archives, kill = "filtering.block_encrypted_archives", "filtering.spam_kill_percent"
    before = await configuration.read()
    wanted = {size: 20_000_000, archives: True, kill: 75.0}
    all_at_once = await configuration.apply(configuration.plan(before, wanted))
    assert all_at_once.ok, all_at_once.text
    after = await configuration.read()
    assert {key: after.current[key].value for key in wanted} == wanted
    later = await configuration.apply(configuration.plan(after, {tag: "[SPAM]"}))
    assert later.ok, later.text
    plan = await configuration.undo_plan(await configuration.entry(all_at_once.entry_id))
    assert {care.service for care in plan.care} == {"clamd", "amavis"}
    undone = await configuration.apply(plan)
    assert undone.ok, undone.text
    now = await configuration.read()
    assert {key: now.current[key].value for key in wanted} == {
        key: before.current[key].value for key in wanted
    }
    assert now.current[tag].value == "[SPAM]"
    plan = await configuration.undo_plan(await configuration.entry(undone.entry_id))
    assert {edit.path for edit in plan.edits} == {OURS, CLAMD, "/etc/postfix/main.cf"}
    were = await history.material(configuration.host, QUEUE, undone.entry_id)
    assert {edit.path: edit.after for edit in plan.edits} == were, "byte for byte, for nobody came between"


class KilledThere(Killed):
    """The machine, where the program dies at a moment."""

    def __init__(self, machine: Machine, moment: str) -> None:
        super().__init__(moment)
        self._machine = machine

    def command(self, argv: list[str]) -> list[str]:  # type: ignore[override]  # it is given one
        """The command, in the machine."""
        return self._machine.inside(super().command(argv))


@pytest.mark.parametrize(
    ("who", "moment"),
    [
        ("applier", "replaced 1"),
        ("applier", "took 1"),
        ("applier", "finish done"),
        ("both", "took 1"),
        ("both", "restored 1"),
    ],
)
def test_killed(bench: Bench, who: str, moment: str) -> None:
    """The old file is back, or the new one is there, and clamd runs with it."""
    edit, before = bench.clamd("LogVerbose yes"), bench.pid("clamd")
    if moment == "restored 1":  # it does not bear that
        edit = bench.clamd("NoSuchOption yes")
    with contextlib.suppress(Unreachable):
        bench.apply(bench.plan(edit, CLAMD_CARE), host=KilledThere(bench.machine, f"{who} {moment}"))
    bench.settle()
    bench.machine.wait_until(lambda: bench.entries()[0].finished, "its end")
    outcome = bench.entries()[0].outcome
    applied = moment == "finish done"
    assert (outcome is Ending.APPLIED) == applied
    assert bench.holds(edit, after=applied)
    assert bench.machine.answers("clamav-daemon")
    assert bench.pid("clamd") != before

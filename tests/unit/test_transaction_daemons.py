"""The care of daemons by the real program: a played daemon whose commands are small, and no Postfix."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends import applying, history
from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.host_local import LocalHost
from mtatui.backends.transaction import daemons, ownlog
from mtatui.backends.transaction.stage import Stage
from mtatui.backends.transaction.tell import Stop, Teller
from mtatui.settings.plan import Care, Command, Edit, Plan, Probe, Tag


class Daemon:
    """Answers PING on a socket, as clamd does. It runs while its file is there; it dies of a bad one."""

    def __init__(self, home: Path) -> None:
        self.home, self.conf = home, home / "etc" / "clamd.conf"
        self.runs, self.told, self.log = home / "runs", home / "told", home / "clamd.log"
        self.conf.parent.mkdir()
        (home / "queue").mkdir()
        self.conf.write_bytes(b"old\n")
        self.runs.touch()
        self.log.write_text("ERROR: long ago\n")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(home / "ctl"))
        self._socket.listen(5)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                if client.recv(64) == b"zPING\0" and self.runs.exists():
                    client.sendall(b"PONG\0")

    def close(self) -> None:
        """End it."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def restart(self, word: str = "take") -> Command:
        """A command that restarts it: it dies of what begins with "bad", and says so in its log."""
        script = (
            'echo "$1 $(cat "$2")" >>"$3"; if grep -q ^bad "$2"; then rm -f "$4"; '
            'echo "ERROR: Parse error at line 1" >>"$5"; else touch "$4"; fi'
        )
        paths = map(str, (self.conf, self.told, self.runs, self.log))
        return Command(("sh", "-c", script, "sh", word, *paths))

    @property
    def care(self) -> Care:
        """What it needs."""
        return Care(
            "clamd",
            running=Command(("test", "-e", str(self.runs))),
            take=(self.restart(),),
            probe=Probe("clamd", "clamd", str(self.home / "ctl")),
            patience=5.0,
            logs=(str(self.log),),
        )

    def plan(self, after: bytes, care: Care | None = None) -> Plan:
        """A change of its file."""
        import hashlib

        before, info = self.conf.read_bytes(), self.conf.stat()
        tag = Tag(info.st_ino, info.st_mtime_ns, info.st_size, hashlib.sha256(before).hexdigest())
        edit = Edit(str(self.conf), before, after, tag)
        return Plan("mx", (), (), (edit,), str(self.home), care=(care or self.care,))

    async def apply(self, plan: Plan) -> Applied:
        """Apply it."""
        return await applying.apply(LocalHost(), str(self.home / "queue"), plan, who="ada")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    yield daemon
    daemon.close()


def texts(applied: Applied) -> str:
    return "\n".join(f"{step.name} {step.state} {step.text}" for step in applied.steps)


async def test_it_takes_the_new_file(daemon: Daemon) -> None:
    applied = await daemon.apply(daemon.plan(b"new\n"))
    assert (applied.outcome, applied.text) == (Ending.APPLIED, "Applied.")
    assert daemon.told.read_text() == "take new\n"
    assert "reload done clamd answers" in texts(applied)
    assert "probe done clamd is well" in texts(applied)
    assert "Postfix" not in texts(applied)


async def test_it_dies_of_it_and_is_as_before(daemon: Daemon) -> None:
    applied = await daemon.apply(daemon.plan(b"bad\n"))
    assert (applied.outcome, applied.exit_code) == (Ending.ROLLED_BACK, 5)
    assert daemon.told.read_text() == "take bad\ntake old\n"
    assert "its own words: ERROR: Parse error at line 1" in applied.text
    assert "long ago" not in applied.text
    assert applied.text.endswith("The old configuration is back, and clamd is well.")
    assert daemon.conf.read_bytes() == b"old\n"


async def test_the_way_back_may_be_another(daemon: Daemon) -> None:
    care = replace(daemon.care, back=(daemon.restart("back"),))
    applied = await daemon.apply(daemon.plan(b"bad\n", care))
    assert applied.outcome is Ending.ROLLED_BACK
    assert daemon.told.read_text() == "take bad\nback old\n"


async def test_what_cannot_be_mended_is_said_with_what_to_do(daemon: Daemon) -> None:
    care = replace(daemon.care, back=(Command(("false",)),))
    applied = await daemon.apply(daemon.plan(b"bad\n", care))
    assert applied.outcome is Ending.BROKEN
    assert "clamd is not well with it: false failed: exit status 1" in applied.text
    assert "as root: false" in applied.text
    assert daemon.conf.read_bytes() == b"old\n"


async def test_a_command_that_fails_is_taken_back(daemon: Daemon) -> None:
    care = replace(daemon.care, take=(Command(("false",)),), back=(daemon.restart("back"),))
    applied = await daemon.apply(daemon.plan(b"new\n", care))
    assert applied.outcome is Ending.ROLLED_BACK
    assert "false failed: exit status 1" in applied.text
    assert daemon.told.read_text() == "back old\n"


async def test_what_its_log_refuses_counts_though_it_answers(daemon: Daemon) -> None:
    """amavisd rejects a reload, and goes on with the old settings."""
    rejects = Command(("sh", "-c", f"echo 'Rejecting reload: x' >>{daemon.log}"), refuses="^Rejecting")
    applied = await daemon.apply(daemon.plan(b"new\n", replace(daemon.care, take=(rejects,))))
    assert "clamd says: Rejecting reload: x" in applied.text
    assert daemon.conf.read_bytes() == b"old\n"


@pytest.mark.parametrize(("says", "ok"), [("starting. (warm)", True), ("Rejecting reload: x", False)])
async def test_an_answer_before_its_log_tells_proves_nothing(daemon: Daemon, says: str, ok: bool) -> None:
    """amavisd looks at its files after it was told to, and answers meanwhile as it did."""
    later = f"(sleep 2; echo '{says}' >>{daemon.log}) >/dev/null 2>&1 &"
    reload = Command(("sh", "-c", later), refuses="^Rejecting", awaits=r"^starting\. \(warm\)")
    applied = await daemon.apply(daemon.plan(b"new\n", replace(daemon.care, take=(reload,))))
    assert applied.ok is ok, applied.text
    assert says in daemon.log.read_text()
    assert daemon.conf.read_bytes() == (b"new\n" if ok else b"old\n")


async def test_one_that_does_not_run_is_left_so(daemon: Daemon) -> None:
    daemon.runs.unlink()
    applied = await daemon.apply(daemon.plan(b"new\n"))
    assert (applied.outcome, applied.text) == (Ending.APPLIED, "Applied; clamd does not run.")
    assert not daemon.told.exists()
    assert "it reads this when it starts" in texts(applied)


async def test_one_that_was_not_well_is_told_and_not_waited_for(daemon: Daemon) -> None:
    care = replace(daemon.care, probe=Probe("clamd", "clamd", str(daemon.home / "no")), patience=100.0)
    applied = await daemon.apply(daemon.plan(b"new\n", care))
    assert applied.outcome is Ending.APPLIED
    assert daemon.told.read_text() == "take new\n"
    assert "clamd there is no such socket, before any change" in texts(applied)


async def test_a_check_sees_the_staged_file_and_is_told_by_its_own_name(daemon: Daemon) -> None:
    look = 'echo "$1"; cat "$2"; grep -q old "$3"'
    check = Command(
        ("sh", "-c", look, "sh", f"--c={{file:{daemon.conf}}}", f"{{file:{daemon.conf}}}", "{file:/etc/x}"),
        refuses="^new",
    )
    applied = await daemon.apply(daemon.plan(b"new\n", replace(daemon.care, checks=(check,))))
    assert applied.outcome is Ending.REFUSED
    assert "new" in applied.text
    assert not daemon.told.exists()
    check = replace(check, refuses="^--c=")
    applied = await daemon.apply(daemon.plan(b"new\n", replace(daemon.care, checks=(check,))))
    assert f"--c={daemon.conf}" in applied.text
    assert not list((daemon.home / "queue").rglob("stage"))


async def test_what_cannot_be_told_is_left_to_a_person(daemon: Daemon) -> None:
    care = Care("clamd", words="Restart clamd: nobody here knows how it was started.")
    applied = await daemon.apply(daemon.plan(b"new\n", care))
    assert applied.text == "Applied. By hand: Restart clamd: nobody here knows how it was started.", (
        applied.text
    )


async def test_taken_back_before_it_is_confirmed(daemon: Daemon) -> None:
    queue = str(daemon.home / "queue")
    waits = await applying.apply(LocalHost(), queue, daemon.plan(b"new\n"), who="ada", confirm_within=60)
    assert waits.outcome is Ending.AWAITING
    told: list[Step] = []
    back = await applying.roll_back(LocalHost(), queue, waits.entry_id, who="ada", progress=told.append)
    assert back.outcome is Ending.ROLLED_BACK
    assert "and clamd is well" in back.text
    assert daemon.told.read_text() == "take new\ntake old\n"
    assert (await history.entry(LocalHost(), queue, waits.entry_id)).finished


# -- inside --------------------------------------------------------------------------------------------------


def told(care: dict[str, Any], seen: list[str]) -> str:
    """What it comes to when a played daemon takes something."""
    return daemons.take(care, Teller(-1), lambda: seen.append("heeded"))


def test_no_second_word_before_it_has_answered(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("mtatui.backends.transaction.revive.command", lambda what, *_: seen.append(what))
    monkeypatch.setattr(daemons, "wrong", lambda care: seen.append("asked"))
    monkeypatch.setattr(daemons, "PAUSE", 0)
    care: dict[str, Any] = {
        "service": "amavis", "take": [{"refuses": "", "n": n} for n in (1, 2)], "runs": True, "unwell": "",
        "probe": {}, "running": None, "patience": 1.0, "logs": [], "words": "",
    }  # fmt: skip
    assert told(care, []) == "amavis answers"
    words = [one if isinstance(one, str) else one["n"] for one in seen]
    assert words == [1, *["asked"] * daemons.ROUNDS, 2, *["asked"] * daemons.ROUNDS]

    def stop() -> None:
        raise Stop("rolled back", "enough")

    with pytest.raises(Stop, match="enough"):
        daemons.take(care, Teller(-1), stop)


def test_how_long_it_may_take_counts_everything() -> None:
    command = {"timeout": 10.0}
    care = {"checks": [command], "take": [command] * 2, "back": [], "running": command, "patience": 30.0}
    least = 10 + 2 * (10 + 30)
    assert daemons.longest([care, care]) >= 2 * least
    assert daemons.longest_back([care]) >= daemons.ATTEMPTS * 2 * (10 + 30)
    assert daemons.longest([]) == daemons.longest_back([]) == 0


@pytest.mark.parametrize(
    "line",
    [
        "Nov 22 23:20:05 mail amavis[42]: (00042-01) (!!)TROUBLE in child",
        "2026-11-22T23:20:05.123456+00:00 mail amavis[42]: (!!)TROUBLE in child",
        "Nov  2 23:20:05 mail /usr/sbin/amavisd[42]: (!!)TROUBLE in child",
    ],
)
def test_a_line_of_syslog_is_told_without_its_head(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "mail.log"
    log.write_text("Nov 22 23:20:04 mail amavis[42]: old failure\n")
    monkeypatch.setattr(ownlog, "LOGS", (str(log),))
    monkeypatch.setattr(ownlog, "JOURNAL", str(tmp_path / "none"))
    hearing = ownlog.Hearing({"service": "amavis", "logs": []})
    assert hearing.complaints() == []
    with log.open("a") as file:
        file.write("Nov 22 23:20:05 mail postfix/smtpd[1]: fatal: not mine\n")
        file.write("Nov 22 23:20:05 mail amavis[42]: starting\n")
        file.write(f"{line}\n")
    assert hearing.complaints() == ["(!!)TROUBLE in child"]
    log.rename(tmp_path / "mail.log.1")
    log.write_text("Nov 22 23:20:06 mail amavis[43]: all is well\n")
    assert hearing.complaints() == ["all is well"], "a new file is read from its beginning"


def test_a_log_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "clamav.log"
    hearing = ownlog.Hearing({"service": "clamd", "logs": [str(log)]})
    log.write_text("Sun Nov 22 23:20:05 2026 -> ERROR: Can't open file\nSun Nov 22 23:20:05 2026 -> bye\n")
    assert hearing.complaints() == ["ERROR: Can't open file"]


def test_staged_files_name_each_other_by_where_they_are_staged(tmp_path: Path) -> None:
    stage = Stage(str(tmp_path / "stage"))
    stage.lay({"/k/table": b"a /k/one\nb /k/one.private /k/other\n", "/k/one": b"1", "/k/one.private": None})
    table, one, private = (
        stage.word(f"{{file:{path}}}") for path in ("/k/table", "/k/one", "/k/one.private")
    )
    assert Path(table).read_bytes() == f"a {one}\nb {private} /k/other\n".encode()
    assert (Path(one).read_bytes(), Path(private).exists()) == (b"1", False)
    assert Path(one).name == "one"
    assert stage.hide(f"{one}: bad") == "/k/one: bad"
    assert stage.word("--x={file:/k/other}") == "--x=/k/other"

"""The stand-ins for Postfix's commands: what they print, what they return, what is on disk afterwards."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtatui.backends.demo import etc, standin
from mtatui.backends.demo.spool import Spool
from mtatui.backends.demo.writer import Draft, To, make_spool, write

SAID = "connect to mx.dest.test[192.0.2.1]:25: Connection timed out"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    make_spool(tmp_path / "spool")
    etc.make(str(tmp_path), dict.fromkeys(etc.SERVICES, 25))
    return Spool(str(tmp_path))


@pytest.fixture
def run(spool: Spool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the spool: exit code, standard output, standard error."""

    def go(command: str, *arguments: str, input: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode())))
        code = standin.main(standin.arguments(f"{spool.home}/etc", [command, *arguments])[1:])
        return code, *capfd.readouterr()

    return go


def put(spool: Spool, state: str = "deferred", to: str = "a@dest.test", reason: str = SAID) -> str:
    now = time.time()
    draft = Draft([To(to, reason, "4.4.1")], "me@example.test", state, arrival=now - 60, retry=now + 600)
    draft.subject, draft.body = "hello", b"the body\n"
    return write(spool.path, draft)


def where(spool: Spool, id: str) -> str:
    found = spool.find(id)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("option", "state", "words", "total", "then"),
    [
        ("-h", "deferred", "placed on hold", "Placed on hold: 1 message", "hold"),
        ("-H", "hold", "released from hold", "Released from hold: 1 message", "deferred"),
        ("-d", "deferred", "removed", "Deleted: 1 message", ""),
        ("-r", "hold", "requeued", "Requeued: 1 message", "maildrop"),
        ("-e", "deferred", "expired", "Force-expired: 1 message", "deferred"),
    ],
)
def test_postsuper_does_it_and_says_so(
    run: Run, spool: Spool, option: str, state: str, words: str, total: str, then: str
) -> None:
    id = put(spool, state)
    assert run("postsuper", option, "-", input=f"{id}\n") == (
        0, "", f"postsuper: {id}: {words}\npostsuper: {total}\n",
    )  # fmt: skip
    assert where(spool, id) == then


def test_bounce_expires_and_releases(run: Run, spool: Spool) -> None:
    id = put(spool, "hold")
    assert run("postsuper", "-f", id)[2] == (
        f"postsuper: {id}: expired\npostsuper: {id}: released from hold\n"
        "postsuper: Force-expired: 1 message\npostsuper: Released from hold: 1 message\n"
    )
    assert os.stat(spool.place("deferred", id)).st_mode & 0o777 == 0o710


def test_nothing_done_is_no_failure(run: Run) -> None:
    assert run("postsuper", "-h", "NOSUCH") == (0, "", "postsuper: Placed on hold: 0 messages\n")


def test_a_bad_name_is_warned_about_and_the_rest_goes_on(run: Run, spool: Spool) -> None:
    ids = [put(spool) for _ in range(2)]
    code, _, said = run("postsuper", "-d", "-", input=f"{ids[0]}\n../etc/passwd\n{ids[1]}\n")
    assert code == 0
    assert "warning: invalid mail queue id: ../etc/passwd\n" in said
    assert said.endswith("postsuper: Deleted: 2 messages\n")


def test_the_log_goes_with_the_message(run: Run, spool: Spool) -> None:
    id = put(spool)
    assert os.path.exists(spool.place("defer", id))
    run("postsuper", "-d", id)
    assert not os.path.exists(spool.place("defer", id))


def test_all_of_one_queue(run: Run, spool: Spool) -> None:
    deferred, held = put(spool), put(spool, "hold")
    assert run("postsuper", "-d", "ALL", "deferred")[2] == "postsuper: Deleted: 1 message\n"
    assert (where(spool, deferred), where(spool, held)) == ("", "hold")


def test_corrupt_is_no_directory_for_postsuper(run: Run) -> None:
    assert run("postsuper", "-d", "X", "corrupt") == (
        1, "", "postsuper: fatal: invalid directory name: corrupt\n",
    )  # fmt: skip


def test_postqueue_lists_json(run: Run, spool: Spool) -> None:
    id = put(spool, to="a b@dest.test")
    put(spool, "corrupt")
    code, out, _ = run("postqueue", "-j")
    [entry] = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (entry["queue_name"], entry["queue_id"], entry["sender"]) == ("deferred", id, "me@example.test")
    assert entry["recipients"] == [{"address": '"a b"@dest.test', "delay_reason": SAID}]


def test_mailq_of_nothing(run: Run) -> None:
    assert run("postqueue", "-p") == (0, "Mail queue is empty\n", "")


@pytest.mark.parametrize(
    ("options", "due"),
    [(["-f"], [True, True]), (["-i", "FIRST"], [True, False]), (["-s", "other.test"], [False, True])],
    ids=["all", "one", "a site"],
)
def test_a_flush_makes_mail_due_and_wakes_the_daemon(
    run: Run, spool: Spool, options: list[str], due: list[bool]
) -> None:
    ids = [put(spool), put(spool, to="b@other.test")]
    code, _, _ = run("postqueue", *(ids[0] if word == "FIRST" else word for word in options))
    assert code == 0
    times = [os.stat(spool.place("deferred", id)).st_mtime for id in ids]
    assert [moment <= time.time() for moment in times] == due
    assert os.path.exists(spool.wake_file)


def test_an_id_that_is_gone_is_no_failure_of_a_flush(run: Run) -> None:
    assert run("postqueue", "-i", "NOSUCH") == (0, "", "")


def test_postcat_shows_the_parts(run: Run, spool: Spool) -> None:
    id = put(spool)
    assert run("postcat", "-qb", id)[1] == "\nthe body\n"
    assert "Subject: hello\n" in run("postcat", "-qh", id)[1]
    assert "the body" not in run("postcat", "-qh", id)[1]
    assert "sender: me@example.test\n" in run("postcat", "-qe", id)[1]
    assert run("postcat", "-bh", spool.place("deferred", id))[1].endswith("\n\nthe body\n")


def test_postcat_of_a_message_that_is_gone(run: Run) -> None:
    assert run("postcat", "-q", "ABCDEF") == (
        1, "", "postcat: fatal: open queue file ABCDEF: No such file or directory\n",
    )  # fmt: skip


def test_postconf_knows_where_things_are(run: Run, spool: Spool) -> None:
    assert run("postconf", "-x", "queue_directory", "nosuch") == (
        0, f"queue_directory = {spool.path}\n", "postconf: warning: nosuch: unknown parameter\n",
    )  # fmt: skip
    assert run("postconf", "-h", "mail_version")[1] == "3.7.11\n"


def test_postfix_runs(run: Run) -> None:
    assert run("postfix", "status") == (0, "", "")
    assert run("postfix", "stop")[0] == 1


def test_a_home_that_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert standin.main(["postqueue", "-c", "/no/such", "-j"]) == 1
    assert "No such file" in capfd.readouterr().err

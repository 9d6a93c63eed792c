"""The command line against a real Postfix: it says what Postfix says, and does what it says it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


def mtatui(
    instance: PostfixInstance, *arguments: str, input: str = "", code: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run mtatui on an instance; its exit code must be this one."""
    done = subprocess.run(
        [sys.executable, "-m", "mtatui", "-c", str(instance.config), *arguments],
        cwd=ROOT, input=input, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert code is None or done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def listed(instance: PostfixInstance, *arguments: str) -> dict[str, dict[str, object]]:
    lines = mtatui(instance, "queue", "list", "--json", *arguments).stdout.splitlines()
    return {message["id"]: message for message in map(json.loads, lines)}


def test_the_list_is_that_of_postqueue(busy_instance: PostfixInstance) -> None:
    ours = listed(busy_instance)
    theirs = {entry["queue_id"]: entry for entry in busy_instance.postqueue_json()}
    assert set(theirs) == {id for id, message in ours.items() if message["state"] != "corrupt"}
    for id, entry in theirs.items():
        message = ours[id]
        assert message["state"] == entry["queue_name"]
        assert message["arrival"] == entry["arrival_time"]
        assert message["size"] == entry["message_size"]
        assert message["sender"] == entry["sender"].replace("MAILER-DAEMON", "")
        recipients = message["recipients"]
        assert isinstance(recipients, list)
        waiting = {r["address"]: r["reason"] for r in recipients if not r["done"]}
        assert waiting == {r["address"]: r.get("delay_reason", "") for r in entry["recipients"]}


def test_stats_count_what_lies_there(busy_instance: PostfixInstance) -> None:
    states = json.loads(mtatui(busy_instance, "queue", "stats", "--json").stdout)["states"]
    for state in ("deferred", "hold", "active", "corrupt"):
        assert states[state] == len(busy_instance.queue_ids(state)), state


def test_the_raw_message_is_that_of_postcat(busy_instance: PostfixInstance) -> None:
    (id, *_) = sorted(busy_instance.queue_ids("hold"))
    ours = subprocess.run(
        [sys.executable, "-m", "mtatui", "-c", str(busy_instance.config), "queue", "show", id, "--raw"],
        cwd=ROOT, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert ours.stdout == busy_instance.run("postcat", "-bhq", id).stdout


def test_the_log_of_a_message_is_its_story(busy_instance: PostfixInstance) -> None:
    (id, *_) = sorted(busy_instance.queue_ids("hold"))
    story = mtatui(busy_instance, "queue", "show", id, "--log").stdout
    assert "deferred" in story
    assert "held" in story


def test_an_ordinary_user_may_look_and_learns_what_takes_root(busy_instance: PostfixInstance) -> None:
    def as_user(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = busy_instance.as_user([sys.executable, "-m", "mtatui", *arguments])
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    if as_user("--version").returncode != 0:
        pytest.skip("an ordinary user may not even run this Python")
    seen = as_user("queue", "list", "--ids")
    assert set(seen.stdout.split()) == {entry["queue_id"] for entry in busy_instance.postqueue_json()}
    (id, *_) = sorted(busy_instance.queue_ids("deferred"))
    for arguments in (["queue", "hold", id], ["queue", "delete", id, "--yes"], ["history", "list"]):
        refused = as_user(*arguments)
        assert refused.returncode == 4, arguments
        assert "root" in refused.stderr
    assert id in busy_instance.queue_ids("deferred")
    doctor = as_user("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "nobody ALL=(root) NOPASSWD: /usr/sbin/postsuper" in doctor.stdout
    assert "--hands" in doctor.stdout


def test_hold_release_delete_restore(postfix_instance: PostfixInstance) -> None:
    ids = {postfix_instance.send("me@sender.test", f"full{n}@full.test") for n in range(4)}
    postfix_instance.settle()
    held = json.loads(mtatui(postfix_instance, "queue", "hold", *ids, "--json").stdout)
    assert Counter(receipt["result"] for receipt in held["receipts"]) == {"done": 4}
    assert postfix_instance.queue_ids("hold") == ids
    mtatui(postfix_instance, "queue", "release", "--filter", "to:full1@", "--yes")
    assert len(postfix_instance.queue_ids("hold")) == 3

    mtatui(postfix_instance, "queue", "delete", "-", "--yes", input="\n".join(ids))
    assert not postfix_instance.queue_ids()
    assert {
        line.split()[0] for line in mtatui(postfix_instance, "queue", "trash", "list").stdout.splitlines()[1:]
    } == ids
    mtatui(postfix_instance, "history", "undo", "1", "--yes")
    assert postfix_instance.queue_ids("hold") == ids


def test_bounce_and_deliver(postfix_instance: PostfixInstance) -> None:
    later = postfix_instance.send("me@sender.test", "later@later.test")
    back = postfix_instance.send("me@sender.test", "full@full.test")
    postfix_instance.settle()
    mtatui(postfix_instance, "queue", "deliver", later)
    mtatui(postfix_instance, "queue", "bounce", back, "--yes")
    mtatui(postfix_instance, "queue", "flush")
    postfix_instance.wait_until(lambda: back not in postfix_instance.queue_ids(), "the bounce")
    bounced = postfix_instance.wait_until(
        lambda: [d for d in postfix_instance.remote.deliveries() if not d.sender], "its notification"
    )
    assert bounced[0].recipients == ("me@sender.test",)


def test_ten_thousand_by_filter(postfix_instance: PostfixInstance) -> None:
    with postfix_instance.frozen("qmgr"):
        postfix_instance.flood(10_000, "bulk@sender.test", "reader@full.test")
        refused = mtatui(postfix_instance, "queue", "hold", "--filter", "from:bulk@", code=3)
        assert "--yes" in refused.stderr
        assert not postfix_instance.queue_ids("hold")
        done = mtatui(postfix_instance, "queue", "hold", "--filter", "from:bulk@", "--yes")
        assert done.stdout.count("  done ") == 10_000
        assert len(postfix_instance.queue_ids("hold")) == 10_000


def test_ctrl_c_half_way_leaves_a_whole_story(postfix_instance: PostfixInstance) -> None:
    with postfix_instance.frozen("qmgr"):
        postfix_instance.flood(10_000, "bulk@sender.test", "reader@full.test")
        process = subprocess.Popen(
            [sys.executable, "-m", "mtatui", "-c", str(postfix_instance.config), "queue", "delete",
             "--filter", "from:bulk@", "--yes", "--json"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        trash = postfix_instance.queue / "mtatui" / "trash"
        postfix_instance.wait_until(
            lambda: trash.is_dir() and len(os.listdir(trash)) > 500, "some to be deleted"
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        outcome = json.loads(out)
        left = postfix_instance.queue_ids()
        now = {r["id"]: r.get("became", r["id"]) for r in outcome["receipts"]}
        done = {now[r["id"]] for r in outcome["receipts"] if r["result"] == "done"}
        not_done = {now[r["id"]] for r in outcome["receipts"] if r["result"] == "failed"}
        assert outcome["cancelled"]
        assert len(done | not_done) == 10_000
        assert left == not_done
        assert set(os.listdir(trash)) == done


def test_a_stopped_postfix_can_still_be_looked_at(postfix_instance: PostfixInstance) -> None:
    id = postfix_instance.send("me@sender.test", "full@full.test")
    postfix_instance.settle()
    postfix_instance.halt()
    assert set(listed(postfix_instance)) == {id}
    flushed = mtatui(postfix_instance, "queue", "flush", code=4)
    assert "not running" in flushed.stderr
    doctor = mtatui(postfix_instance, "doctor", code=1)
    assert "not running" in doctor.stdout
    start = f"postfix -c {postfix_instance.config} start"
    assert start in flushed.stderr
    assert start in " ".join(doctor.stdout.split())


def test_doctor_on_a_well_server(busy_instance: PostfixInstance) -> None:
    found = json.loads(mtatui(busy_instance, "doctor", "--json", code=None).stdout)["findings"]
    levels = {finding["check"]: finding["level"] for finding in found}
    assert levels["running"] == levels["rights"] == levels["postfix"] == "ok"
    assert levels["corrupt"] == "warning"

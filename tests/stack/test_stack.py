"""The test bed itself: what it promises to the other tests."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


def test_busy_instance_has_states_and_reasons(busy_instance: PostfixInstance) -> None:
    listed = busy_instance.postqueue_json()
    assert Counter(entry["queue_name"] for entry in listed) == {"deferred": 18, "hold": 3, "active": 1}
    assert len(busy_instance.queue_ids("corrupt")) == 1
    reasons = {r["delay_reason"] for e in listed for r in e["recipients"] if "delay_reason" in r}
    for part in ("Greylisted", "mailbox is full", "scanner is down", "lost connection", "Too many",
                 "refused", "timed out"):  # fmt: skip
        assert any(part in reason for reason in reasons), part


def test_remote_keeps_what_it_accepts(postfix_instance: PostfixInstance) -> None:
    postfix_instance.send("me@sender.test", "you@ok.test", content=b"Subject: x\r\n\r\n.dot\r\n")
    postfix_instance.send("me@sender.test", "nobody@no.test")
    postfix_instance.settle()
    delivered, bounced = postfix_instance.remote.deliveries()
    assert (delivered.sender, delivered.recipients) == ("me@sender.test", ("you@ok.test",))
    assert delivered.data.endswith(b"\r\n\r\n.dot\r\n")
    assert (bounced.sender, bounced.recipients) == ("", ("me@sender.test",))
    assert b"No such user here" in bounced.data


def test_frozen_daemons_keep_mail_in_incoming_and_maildrop(postfix_instance: PostfixInstance) -> None:
    with postfix_instance.frozen("qmgr"), postfix_instance.frozen("pickup"):
        queue_id = postfix_instance.send("me@sender.test", "you@ok.test")
        postfix_instance.submit(b"Subject: x\n\nx\n", "you@ok.test")
        assert postfix_instance.queue_ids("incoming") == {queue_id}
        assert len(postfix_instance.queue_ids("maildrop")) == 1
    postfix_instance.wait_until(lambda: len(postfix_instance.remote.deliveries()) == 2, "two deliveries")


def test_instances_do_not_meet(
    make_postfix: Callable[..., PostfixInstance], postfix_instance: PostfixInstance
) -> None:
    other = make_postfix(enable_long_queue_ids="no")
    assert other.address != postfix_instance.address
    short = other.send("me@sender.test", "you@full.test")
    assert short == short.upper(), "a short ID"
    assert not postfix_instance.queue_ids()


def test_an_ordinary_user_asks_this_instance(busy_instance: PostfixInstance) -> None:
    done = subprocess.run(busy_instance.as_user(["postqueue", "-j"]), capture_output=True, check=True)
    assert done.stdout.count(b"\n") == len(busy_instance.postqueue_json())
    assert not done.stderr
    refused = subprocess.run(
        busy_instance.as_user(["postsuper", "-h", "ALL"]), capture_output=True, check=False
    )
    assert b"reserved for the superuser" in refused.stderr


def test_a_killed_master_starts_again_with_its_queue(postfix_instance: PostfixInstance) -> None:
    queue_id = postfix_instance.send("me@sender.test", "you@full.test")
    postfix_instance.settle()
    postfix_instance.kill_master()
    postfix_instance.start()
    assert [entry["queue_id"] for entry in postfix_instance.postqueue_json()] == [queue_id]

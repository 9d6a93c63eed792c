"""Our callers of Postfix's commands, against what the real ones said."""

from __future__ import annotations

import pytest

from mtatui.backends.host import Completed, HostError, Missing, NotPermitted, Unreachable
from mtatui.backends.postfix.tools import Tools, explain
from tests.contract.conftest import ReplayHost, completed
from tests.contract.recording import Names, Recording

#: What each recorded refusal means to the person, and a word that the explanation must contain.
REFUSALS = {
    "cat-corrupt": (Missing, "not in the queue"),
    "cat-gone": (Missing, "not in the queue"),
    "cat-invalid": (HostError, "bad mail queue ID"),
    "cat-as-user": (NotPermitted, "root"),
    "super-as-user": (NotPermitted, "root"),
    "site-refused": (HostError, "fast_flush_domains"),
    "deliver-invalid": (HostError, "invalid name"),
    "delete-corrupt": (HostError, "invalid directory name"),
    "down-list-as-user": (Unreachable, "not running"),
    "down-flush": (Unreachable, "not running"),
    "down-site": (Unreachable, "not running"),
    "down-hold": (HostError, "log"),
    "refused-list": (NotPermitted, "authorized_mailq_users"),
    "refused-flush": (NotPermitted, "authorized_flush_users"),
    "refused-deliver": (NotPermitted, "authorized_flush_users"),
    "unconfigured-list": (Missing, "no Postfix configuration"),
    "unconfigured-conf": (Missing, "no Postfix configuration"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_explained(recordings: dict[str, Recording], name: str) -> None:
    kind, words = REFUSALS[name]
    error = explain(completed(recordings[name]), "here")
    assert type(error) is kind, error
    assert words in str(error)


def test_who_is_not_root_may_not_use_a_directory_that_no_default_main_cf_names() -> None:
    said = b"postqueue: fatal: open file /etc/postfix/main.cf: No such file or directory\n"
    error = explain(Completed(("postqueue", "-c", "/etc/postfix-out", "-j"), 75, b"", said, 0.1), "ann")
    assert type(error) is NotPermitted
    assert "Only root may use this configuration directory on ann" in str(error)
    assert "/etc/postfix/main.cf" in str(error)
    gone = said.replace(b"postfix/", b"postfix-out/")
    error = explain(Completed(("postqueue", "-c", "/etc/postfix-out", "-j"), 75, b"", gone, 0.1), "ann")
    assert type(error) is Missing


def test_every_recorded_refusal_is_in_the_table(recordings: dict[str, Recording]) -> None:
    # "postfix status" says all by its exit code.
    failed = {name for name, recording in recordings.items() if recording.returncode}
    assert failed - {"down-status"} == set(REFUSALS)


async def test_what_is_asked_of_postfix(recordings: dict[str, Recording], version: str) -> None:
    host = ReplayHost(recordings)
    tools = Tools(host)
    assert await tools.version() == tuple(map(int, version.split(".")))
    assert await tools.parameters("queue_directory", "hash_queue_names", "no_such_parameter") == {
        "queue_directory": "/stack/queue",
        "hash_queue_names": "deferred, defer",
    }
    assert await tools.status()


async def test_the_parts_of_a_message(recordings: dict[str, Recording], names: Names) -> None:
    tools = Tools(ReplayHost(recordings))
    headers, _ = await tools.cat(names["plain"], "headers", 1 << 20)
    assert headers.endswith(b"Subject: test\n")
    body, _ = await tools.cat(names["plain"], "body", 1 << 20)
    assert body == b"\nHello.\n"
    raw, _ = await tools.cat(names["plain"], "raw", 1 << 20)
    assert raw == headers + body
    envelope, _ = await tools.cat(names["plain"], "envelope", 1 << 20)
    assert b"\nnamed_attribute: sasl_username=joe@sender.test\n" in envelope
    with pytest.raises(Missing):
        await tools.cat("4jXZZZZZZZzGone", "raw", 1 << 20)

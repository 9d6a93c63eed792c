"""Staged changes and plans: what is no change is none, and no password is in what is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.settings.kinds import Trial
from mtatui.settings.plan import MASK, Caution, Command, Edit, Plan, Probe
from mtatui.settings.staged import Staged
from mtatui.text import clean
from tests.unit.settings_fake import reading

HELO, RELAY = "inbound.smtpd_helo_required", "outbound.relayhost"


def test_what_returns_to_what_it_was_is_no_change() -> None:
    staged = Staged(reading())
    staged.stage(HELO, True)
    staged.stage(RELAY, "[a.example]")
    assert dict(staged) == {HELO: True, RELAY: "[a.example]"}
    assert staged.value(HELO) is True
    assert staged.value("inbound.reject_non_fqdn_sender") is Trial.OFF
    staged.stage(HELO, False)
    staged.reset(RELAY)
    assert len(staged) == 0
    staged.stage(HELO, True)
    staged.clear()
    assert not staged


def test_nothing_staged_is_lost_when_somebody_else_changes_the_server() -> None:
    staged = Staged(reading())
    staged.stage(HELO, True)
    staged.stage(RELAY, "[a.example]")
    assert staged.rebase(reading(outbound__relayhost="[b.example]")) == (RELAY,)
    assert dict(staged) == {HELO: True, RELAY: "[a.example]"}
    assert staged.rebase(reading(inbound__smtpd_helo_required=True)) == (RELAY,)
    assert dict(staged) == {RELAY: "[a.example]"}, "the other one is as it was wanted already"


def edit(before: bytes | None, after: bytes | None, **more: Any) -> Edit:
    return Edit("/etc/postfix/main.cf", before, after, **more)


def test_a_diff_shows_files_that_come_and_go() -> None:
    assert edit(b"a\nb\n", b"a\nc\n").diff()[-3:] == [" a", "-b", "+c"]
    assert edit(None, b"a\n").diff()[:2] == ["--- /dev/null", "+++ /etc/postfix/main.cf"]
    assert edit(b"a\n", None).diff()[:2] == ["--- /etc/postfix/main.cf", "+++ /dev/null"]
    assert edit(b"a\n", b"a\n").diff() == []


def test_a_changed_password_is_a_change_that_shows_no_password() -> None:
    lines = edit(b"[r]:25 ann:old\n", b"[r]:25 ann:new\n", secrets=("old", "new")).diff()
    assert lines[-1] == f"@@ only what {MASK} stands for changes @@"
    assert not any("old" in line or "new" in line for line in lines)
    lines = edit(None, b"[r]:25 ann:new\n", secrets=("new", "")).diff()
    assert lines[-1] == f"+[r]:25 ann:{MASK}"


@pytest.mark.parametrize("after", [b"ClamAV-VDB:\0\1\2", b"x" * 2_500_000])
def test_what_nobody_reads_is_told_by_its_size(after: bytes) -> None:
    assert Edit("/x", b"old\n", after).diff() == [
        "--- /x", "+++ /x", f"@@ 4 bytes → {len(after):,} bytes, nothing that a person reads @@",
    ]  # fmt: skip


def test_a_change_of_line_ends_is_said() -> None:
    assert "line ends" in edit(b"a\n", b"a").diff()[-1]


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_whatever_is_in_files_the_diff_is_fit_for_a_terminal(before: bytes, after: bytes) -> None:
    lines = edit(before, after).diff()
    assert all(clean(line) == line for line in lines)
    assert bool(lines) == (before != after)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_runs_is_told_as_a_person_would_type_it(address: str) -> None:
    plan = Plan(
        "mx1", (), (), (edit(b"", b"a\n"),), "/etc/postfix",
        checks=(Command(("postfix", "-c", "{stage}", "check")),),
        reload=(Command(("postfix", "-c", "/etc/my postfix", "reload")),),
        probes=(Probe("smtp", "submission", address, 587),),
        cautions=(Caution("small"), Caution("large", True)),
    )  # fmt: skip
    shown = f"[{address}]" if ":" in address else address
    assert plan.commands() == [
        "postfix -c STAGE check",
        "postfix -c '/etc/my postfix' reload",
        f"probe {shown}:587 (submission)",
    ]
    assert [caution.text for caution in plan.grave] == ["large"]
    assert not plan.empty
    assert Plan("mx1", (), (), (), "/etc/postfix").empty

"""Which tables are asked before a change that names them is applied."""

from __future__ import annotations

import pytest

from mtatui.backends import planning
from tests.unit import configured


def asked(main: str, **changes: object) -> list[str]:
    """The tables that a change has asked."""
    source = configured.source(main)
    wanted = {
        f"inbound.{name}" if "smtpd" in name else f"outbound.{name}": to for name, to in changes.items()
    }
    plan = planning.plan(configured.reading(source), wanted)
    commands = [command for command in plan.checks if command.argv[0] == "postmap"]
    for command in commands:
        assert command.argv[1:3] == ("-c", "{stage}")
        assert command.statuses == (0, 1), "that a key is not in it is an answer"
    return [command.argv[-1] for command in commands]


@pytest.mark.parametrize(
    ("value", "tables"),
    [
        ("hash:/etc/postfix/logins", ["hash:/etc/postfix/logins"]),
        ("proxy:hash:/etc/postfix/logins", ["hash:/etc/postfix/logins"]),
        ("hash:/a, texthash:/b", ["hash:/a", "texthash:/b"]),
        ("static:all", []),
        ("", []),
    ],
)
def test_a_new_table_is_asked(value: str, tables: list[str]) -> None:
    assert asked("relayhost =\n", smtpd_sender_login_maps=value) == tables


def test_networks_may_be_tables_too() -> None:
    assert asked("mynetworks = 127.0.0.0/8\n", mynetworks=("127.0.0.0/8", "cidr:/etc/nets")) == [
        "cidr:/etc/nets"
    ]


def test_a_file_of_networks_must_be_there() -> None:
    reading = configured.reading(configured.source("mynetworks = 127.0.0.0/8 /etc/old\n"))
    wanted = ("127.0.0.0/8", "/etc/old", "!/etc/new")
    plan = planning.plan(reading, {"outbound.mynetworks": wanted})
    assert [command.argv for command in plan.checks if command.argv[0] == "head"] == [
        ("head", "-c", "0", "/etc/new")
    ]


def test_what_was_named_before_is_left_alone() -> None:
    main = "alias_maps = hash:/etc/aliases\nsmtpd_sender_login_maps = hash:/etc/logins\n"
    assert asked(main, smtpd_helo_required=True) == []
    assert asked(main, smtpd_sender_login_maps="hash:/etc/logins, hash:/etc/more") == ["hash:/etc/more"]


def test_our_own_tables_are_not_there_yet() -> None:
    source = configured.source("relayhost =\n")
    plan = planning.plan(configured.reading(source), {"inbound.blocked_extensions": ("exe",)})
    assert any(edit.path.endswith("/mtatui/blocked_extensions") for edit in plan.edits)
    assert not [command for command in plan.checks if command.argv[0] == "postmap"]

"""Every setting on and off in the main.cf files of the world: what the admin wrote is still there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends import planning
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Refused, Trial, Zone, Zones
from tests.unit import configured
from tests.unit.test_controls import OTHER

CORPUS = sorted((Path(__file__).parent / "data" / "main_cf").glob("*/main.cf"))
LOGIN = "outbound.relay_login"
REQUIRED = "outbound.require_authentication"
#: Parameters whose old values a setting replaces besides its own.
ALONG = {
    "outbound.message_size_limit": ("mailbox_size_limit", "virtual_mailbox_limit"),
    LOGIN: ("smtp_sasl_auth_enable", "smtp_sasl_security_options"),
}


class Only(dict[str, Current]):
    """What a few settings are, each read when it is asked for."""

    def __init__(self, source: PostfixReading) -> None:
        super().__init__()
        self.source = source

    def __missing__(self, key: str) -> Current:
        self[key] = planning.CONTROLS[key].current(self.source)
        return self[key]


def reading(source: PostfixReading) -> Reading:
    return Reading("mx", 0.0, Only(source), source=source)


def load(path: Path) -> PostfixReading:
    master = path.with_name("master.cf")
    return configured.source(
        path.read_bytes(),
        master.read_text("utf-8", "surrogateescape") if master.exists() else configured.MASTER,
    )


def wanted(key: str, now: Any) -> Any:
    """Another value for a setting, beside what is there already."""
    if isinstance(ALL[key].kind, Zones):
        return (*now, Zone("new.example", Trial.TRIAL))
    if isinstance(now, bool):
        return not now
    if isinstance(now, Trial):
        return Trial.TRIAL if now is not Trial.TRIAL else Trial.ENFORCE
    return OTHER[key] if OTHER[key] != now else now


def remarks(main: MainCf) -> list[str]:
    """The comment lines, in order."""
    return re.findall(r"^[ \t]*#.*$", main.text, re.MULTILINE)


def words(source: PostfixReading, name: str) -> set[str]:
    """The words of a parameter's value."""
    return set((source.lookup(name) or "").replace(",", " ").split())


def ours(line: str) -> bool:
    return line.startswith("# Written by mtatui")


def test_there_are_files_from_all_over_the_world() -> None:
    assert len(CORPUS) >= 30


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_every_setting_on_and_off_leaves_the_admins_own_lines(path: Path) -> None:
    before = load(path)
    done, refused = 0, []
    # A quarter of the settings in each file, another one in the next: that is quick, and finds the same.
    for key in list(OTHER)[CORPUS.index(path) % 4 :: 4]:
        now = reading(before).current[key]
        value = wanted(key, now.value)
        if now.unavailable or value == now.value:
            continue
        try:
            plan = planning.plan(reading(before), {key: value})
        except Refused:
            refused.append(key)
            continue
        after = configured.applied(before, plan)
        assert reading(after).current[key].value == value, key
        assert [line for line in remarks(after.main) if not ours(line)] == remarks(before.main), key
        for name in before.main.names():
            if before.raw(name) == after.raw(name) or name in (ALL[key].directive, *ALONG.get(key, ())):
                continue
            lost = words(before, name) - words(after, name) - {"warn_if_reject", ALL[key].directive}
            assert not lost - ({"permit_mynetworks"} if key == REQUIRED else set()), (key, name, lost)
        done += 1
        try:
            back = planning.plan(reading(after), {key: now.value})
        except Refused:
            assert key == LOGIN  # another's login, that was never ours to set
            continue
        restored = configured.applied(after, back)
        assert reading(restored).current[key].value == now.value, key
        if now.value in ((), None, Trial.OFF) and not (
            key == LOGIN and before.explicit("smtp_sasl_password_maps")
        ):
            assert restored.main.data.rstrip() == before.main.data.rstrip(), key
    assert done > 4
    assert set(refused) <= {LOGIN, REQUIRED}


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_all_settings_at_once_and_back(path: Path) -> None:
    before = load(path)
    now = reading(before)
    changes = {
        key: wanted(key, now.current[key].value)
        for key in OTHER
        if not now.current[key].unavailable and key not in (LOGIN, REQUIRED)
    }
    after = configured.applied(before, planning.plan(now, changes))
    then = reading(after)
    assert {key: then.current[key].value for key in changes} == changes
    assert [line for line in remarks(after.main) if not ours(line)] == remarks(before.main)
    back = planning.plan(then, {key: now.current[key].value for key in changes})
    restored = reading(configured.applied(after, back))
    assert {key: restored.current[key].value for key in changes} == {
        key: now.current[key].value for key in changes
    }

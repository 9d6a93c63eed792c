"""Settings over several servers by command line: what a person and a script see and cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.applying import Applied, Ending
from mtatui.backends.history import Entry
from mtatui.backends.host import Unreachable
from mtatui.fleet import Fleet
from mtatui.settings.current import Reading
from mtatui.settings.plan import Caution, Plan
from tests.unit.fleet_fake import FakeServer
from tests.unit.settings_fake import OPEN_RELAY, CommandLine, FakeConfiguration, Said, entry, reading

HELO = "inbound.smtpd_helo_required"
LISTS = "inbound.blocked_extensions"
NAMES = ("mx1", "mx2", "mx3")
Cli = Callable[..., Said]


class OneOfMany(FakeConfiguration):
    """The configuration of one of several."""

    silent = False

    async def read(self, *, filters: bool = True, ask_history: bool = False) -> Reading:
        if self.silent:
            raise Unreachable("no route to host")
        return self.now

    async def settle(self) -> list[Entry]:
        if self.silent:
            raise Unreachable("no route to host")
        return self.interrupted

    async def undo_plan(self, entry: Entry) -> Plan:
        return replace(self.plan(self.now, {HELO: True}), undoes=entry.id)

    async def entry(self, id: str) -> Entry:
        return entry(id, 1.0)

    async def apply(
        self, plan: Plan, *, confirm_within: float | None = None, progress: Any = None, cancel: Any = None
    ) -> Applied:
        await asyncio.sleep(0)
        if plan.undoes:
            self.applied.append((plan, None))
            return Applied(Ending.APPLIED, "It is back.", "back")
        return await super().apply(plan, confirm_within=confirm_within, progress=progress, cancel=cancel)


@pytest.fixture
def them() -> dict[str, OneOfMany]:
    """What is set on three servers."""
    return {
        "mx1": OneOfMany(reading("mx1", inbound__blocked_extensions=("exe",))),
        "mx2": OneOfMany(reading("mx2")),
        "mx3": OneOfMany(reading("mx3", inbound__smtpd_helo_required=True)),
    }


@pytest.fixture
def fleet(them: dict[str, OneOfMany]) -> Fleet:
    """They, as a config file names them."""
    servers = []
    for name, configuration in them.items():
        server = FakeServer(name)
        server.configuration = configuration  # type: ignore[assignment]  # as far as the faces see it
        servers.append(server)
    return Fleet(servers)


@pytest.fixture
def cli(
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Cli:
    """Commands over all of them."""
    config = tmp_path / "mtatui" / "config.toml"
    config.parent.mkdir()
    config.write_text("".join(f'[[servers]]\nname = "{name}"\nhost = "localhost"\n' for name in NAMES))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    command_line = CommandLine(fleet.servers[0], monkeypatch, capsys)  # type: ignore[arg-type]  # it opens all
    monkeypatch.setattr("mtatui.cli.gathering.open_fleet", lambda *_: fleet)
    return lambda *arguments, **how: command_line("--server", "all", *arguments, **how)


def applied(them: dict[str, OneOfMany]) -> dict[str, list[bool]]:
    """What was applied to each: forth (True) and back (False)."""
    return {name: [not plan.undoes for plan, _ in one.applied] for name, one in them.items()}


def test_a_plan_for_each_and_a_receipt_for_each(cli: Cli, them: dict[str, OneOfMany]) -> None:
    said = cli("settings", "set", f"{HELO}=on", f"{LISTS}+=scr", "--yes")
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "mx1  applied      261122-201500-sabc",
        "mx2  applied      261122-201500-sabc",
        "mx3  applied      261122-201500-sabc",
    ]
    # What is added to a list is added to what is there.
    assert them["mx1"].planned == {HELO: True, LISTS: ("exe", "scr")}
    assert them["mx3"].planned == {LISTS: ("scr",)}
    assert "mtatui --server mx2 history undo 261122-201500-sabc" in said.err


def test_changes_of_the_same_second_are_not_taken_for_one(cli: Cli, them: dict[str, OneOfMany]) -> None:
    cli("settings", "set", f"{HELO}=on", "--yes")
    for name in ("mx1", "mx2"):
        them[name].entries = [entry("261122-201500-s000", 1.0, Ending.APPLIED)]
    listed = cli("history", "list").out.splitlines()[1:]
    assert [line.split()[:2] for line in listed] == [["1", "mx1"], ["2", "mx2"]]
    by_name = cli("history", "undo", "261122-201500-s000", "--yes")
    assert by_name.code == 2
    assert "is on several servers, mx1, mx2: say --server NAME" in by_name.err
    assert cli("history", "undo", "2", "--yes").code == 0
    assert applied(them) == {"mx1": [True], "mx2": [True, False], "mx3": []}


def test_where_it_is_so_already_nothing_is_done(cli: Cli, them: dict[str, OneOfMany]) -> None:
    said = cli("settings", "set", f"{HELO}=on", "--yes")
    assert said.out.splitlines()[2] == "mx3  unchanged"
    assert applied(them) == {"mx1": [True], "mx2": [True], "mx3": []}


def test_one_that_is_not_well_takes_all_back(cli: Cli, them: dict[str, OneOfMany]) -> None:
    them["mx2"].ending = Ending.ROLLED_BACK
    said = cli("settings", "set", f"{LISTS}=scr", "--yes", "--wave", "1")
    assert said.code == 5
    assert [line.split()[1:3] for line in said.out.splitlines()] == [
        ["taken", "back"],
        ["rolled", "back"],
        ["not", "begun"],
    ]
    assert applied(them) == {"mx1": [True, False], "mx2": [True], "mx3": []}
    assert "It was not carried through: mx2 is not well" in said.err


def test_or_only_itself(cli: Cli, them: dict[str, OneOfMany]) -> None:
    them["mx2"].ending = Ending.ROLLED_BACK
    said = cli("settings", "set", f"{LISTS}=scr", "--yes", "--wave", "1", "--roll-back", "failed")
    assert said.code == 5
    assert applied(them) == {"mx1": [True], "mx2": [True], "mx3": []}


def test_the_canary_comes_first(cli: Cli, them: dict[str, OneOfMany]) -> None:
    them["mx3"].ending = Ending.ROLLED_BACK
    cli("settings", "set", f"{LISTS}=scr", "--yes", "--canary", "mx3")
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": [True]}
    assert cli("settings", "set", f"{LISTS}=scr", "--yes", "--canary", "mx9").code == 2
    said = cli("settings", "set", f"{HELO}=on", "--yes", "--canary", "mx3")
    assert (said.code, "prove nothing" in said.err) == (3, True)


def test_one_without_a_plan_refuses_the_whole_unless_it_is_left_out(
    cli: Cli, them: dict[str, OneOfMany]
) -> None:
    them["mx2"].refuses = "a check of the admin stands in the way"
    said = cli("settings", "set", f"{LISTS}=scr", "--yes")
    assert said.code == 3
    assert "mx2: a check of the admin stands in the way" in said.err
    assert "--leave-out mx2" in said.err
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": []}
    assert cli("settings", "set", f"{LISTS}=scr", "--yes", "--leave-out", "mx2").code == 0
    assert applied(them) == {"mx1": [True], "mx2": [], "mx3": [True]}
    assert cli("settings", "set", f"{LISTS}=scr", "--yes", "--leave-out", "mx9").code == 2


def test_one_that_does_not_answer_is_out_of_reach(cli: Cli, them: dict[str, OneOfMany]) -> None:
    them["mx2"].silent = True
    said = cli("settings", "set", f"{LISTS}=scr", "--yes")
    assert (said.code, "mx2: no route to host" in said.err) == (4, True)
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": []}


def test_nobody_to_ask_and_no_yes_touches_nothing(cli: Cli, them: dict[str, OneOfMany]) -> None:
    said = cli("settings", "set", f"{LISTS}=scr")
    assert (said.code, "--yes" in said.err) == (3, True)
    them["mx2"].cautions = (Caution("Anybody could send.", grave=True),)
    said = cli("settings", "set", f"{LISTS}=scr", "--yes")
    assert (said.code, "mx2: GRAVE: Anybody could send." in said.err) == (3, True)
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": []}
    assert cli("settings", "set", f"{LISTS}=scr", "--yes", "--accept-risk").code == 0


def test_a_person_sees_every_plan_and_the_order_and_types_the_number_where_it_is_grave(
    cli: Cli, them: dict[str, OneOfMany]
) -> None:
    them["mx2"].cautions = (Caution("Anybody could send.", grave=True),)
    said = cli("settings", "set", f"{LISTS}=scr", keys="2 servers\n")
    assert said.code == 3
    assert "1 change for mx2, mx3" not in said.err, "their plans are not the same"
    assert "first, alone: mx1" in said.err
    assert "wave 2: mx2, mx3" in said.err
    assert "all that were changed go back" in said.err
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": []}
    assert cli("settings", "set", f"{LISTS}=scr", keys="3 servers\n").code == 0
    assert applied(them) == {"mx1": [True], "mx2": [True], "mx3": [True]}


def test_a_dry_run_shows_and_touches_nothing(cli: Cli, them: dict[str, OneOfMany]) -> None:
    for one in them.values():
        one.why = "it is open read-only"
    said = cli("settings", "set", f"{LISTS}=scr", "--dry-run")
    assert said.code == 0
    assert "1 change for mx2, mx3" in said.out, "plans that are the same are told once"
    document = cli("settings", "set", f"{LISTS}=scr", "--dry-run", "--json").json
    assert document["dry_run"] is True
    assert [(one["server"], one["wave"]) for one in document["servers"]] == [
        ("mx1", 1),
        ("mx2", 2),
        ("mx3", 2),
    ]
    assert applied(them) == {"mx1": [], "mx2": [], "mx3": []}


def test_json_has_a_receipt_for_each(cli: Cli, them: dict[str, OneOfMany]) -> None:
    them["mx3"].ending = Ending.REFUSED
    said = cli("settings", "set", f"{LISTS}=scr", "--yes", "--json", "--roll-back", "failed")
    assert said.code == 1
    assert [(one["server"], one["outcome"], one["entry"]) for one in said.json["servers"]] == [
        ("mx1", "applied", "261122-201500-sabc"),
        ("mx2", "applied", "261122-201500-sabc"),
        ("mx3", "refused", "261122-201500-sabc"),
    ]
    assert said.json["stopped"].startswith("mx3 is not well")
    assert said.json["servers"][0]["steps"][0]["name"] == "lock"


def test_what_waits_to_be_confirmed_is_said_for_each(cli: Cli) -> None:
    said = cli("settings", "set", f"{LISTS}=scr", "--yes", "--confirm-within", "5m")
    assert said.code == 0
    assert "mtatui --server mx3 history confirm 261122-201500-sabc" in said.err


def test_a_profile_over_all(cli: Cli, them: dict[str, OneOfMany], tmp_path: Path) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text('[inbound]\nblocked_extensions = ["scr"]\n')
    assert cli("settings", "apply", str(profile), "--yes").code == 0
    assert applied(them) == {"mx1": [True], "mx2": [True], "mx3": [True]}
    assert them["mx1"].planned == {LISTS: ("scr",)}


# --- looking -----------------------------------------------------------------------------------------------


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """One that mx3 agrees with."""
    path = tmp_path / "p.toml"
    path.write_text("[inbound]\nsmtpd_helo_required = true\n")
    return str(path)


def test_drift_says_who_differs_in_what(cli: Cli, them: dict[str, OneOfMany], profile: str) -> None:
    said = cli("settings", "diff", profile)
    assert said.code == 1
    assert [line.split() for line in said.out.splitlines()[1:]] == [
        ["mx1", HELO, "off", "on"],
        ["mx2", HELO, "off", "on"],
    ]
    assert "2 of 3 servers differ" in said.err
    for name in ("mx1", "mx2"):
        them[name].now = reading(name, inbound__smtpd_helo_required=True)
    said = cli("settings", "diff", profile)
    assert (said.code, said.out) == (0, "")


def test_drift_of_one_that_does_not_answer_is_not_taken_for_none(
    cli: Cli, them: dict[str, OneOfMany], profile: str
) -> None:
    them["mx2"].silent = True
    said = cli("settings", "diff", profile, "--json")
    assert said.code == 4
    assert [(one["server"], len(one["differences"]), one.get("error")) for one in said.json["servers"]] == [
        ("mx1", 1, None),
        ("mx2", 0, "no route to host"),
        ("mx3", 0, None),
    ]
    assert "mx2 could not be compared: no route to host" in said.err


def test_settings_stand_beside_one_another(cli: Cli, them: dict[str, OneOfMany]) -> None:
    said = cli("settings", "show", "inbound")
    assert said.out.split()[:4] == ["Setting", *NAMES]
    [line] = [line for line in said.out.splitlines() if line.startswith(HELO)]
    assert line.split()[1:] == ["off", "off", "≠", "on"]
    them["mx1"].silent = True
    said = cli("settings", "show", HELO, "--json")
    assert (said.code, [one["server"] for one in said.json["servers"]]) == (1, ["mx2", "mx3"])
    for one in them.values():
        one.silent = True
    assert cli("settings", "show").code == 4


def test_lint_of_all(cli: Cli, them: dict[str, OneOfMany]) -> None:
    assert cli("settings", "lint").code == 0
    them["mx2"].now = replace(them["mx2"].now, findings=(OPEN_RELAY,))
    said = cli("settings", "lint")
    assert (said.code, said.out.startswith("mx2  grave  open-relay")) == (1, True)

"""A change over several servers: who is touched when, who goes back, and what is said of whom."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.backends.applying import Applied, Ending, Step, Unanswered
from mtatui.backends.history import Entry
from mtatui.backends.host import HostError, NotPermitted, Unreachable
from mtatui.fleet import waves as rolling
from mtatui.fleet.prepared import Impossible, prepare, waves
from mtatui.fleet.shares import WELL, Became, RollBack, Share
from mtatui.fleet.waves import Rollout
from mtatui.settings.plan import Plan
from tests.unit.settings_fake import FakeConfiguration, FakeServer, entry, reading

HELO = "inbound.smtpd_helo_required"
WANTED = {HELO: True}
ID = "261122-201500-sabc"


@dataclass
class Watched(FakeConfiguration):
    """A configuration that says what is done to it, in the order of all."""

    name: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)
    error: HostError | None = None
    came: Ending | None = None
    """What its history says of a change whose link was cut."""
    silent: bool = False
    """It never answers again after the cut."""
    back: Ending = Ending.APPLIED
    hangs: bool = False
    """It works until it is told to stop."""
    cut: bool = False
    late: bool = False
    """Its time to be confirmed is over."""

    async def settle(self) -> list[Entry]:
        if self.cut and self.silent:
            raise Unreachable("no answer")
        return []

    async def apply(
        self, plan: Plan, *, confirm_within: float | None = None, progress: Any = None, cancel: Any = None
    ) -> Applied:
        self.log.append((self.name, "undo" if plan.undoes else "apply"))
        await asyncio.sleep(0)
        if plan.undoes:
            return Applied(self.back, f"It is {self.back}.", "undo")
        progress(Step("lock", "begins"))
        if self.hangs:
            await cancel.wait()
            return Applied(Ending.ROLLED_BACK, "It was stopped on request.", ID)
        if self.error is not None:
            self.cut = True
            if self.came is not None:
                self.entries = [replace(entry(ID, 1.0, self.came), diff=tuple(plan.diff()))]
            raise self.error
        ending = Ending.AWAITING if confirm_within and self.ending is Ending.APPLIED else self.ending
        self.entries = [entry(ID, 1.0, ending)]
        return Applied(ending, f"It is {ending}.", ID)

    async def entry(self, id: str) -> Entry:
        return self.entries[0]

    async def undo_plan(self, entry: Entry) -> Plan:
        return replace(self.plan(self.now, {HELO: True}), undoes=entry.id)

    async def confirm(self, id: str) -> Entry:
        if self.late:
            raise HostError("It waits no more.")
        return self.entries[0]

    async def roll_back(self, id: str, progress: Any = None) -> Applied:
        if self.late:
            raise HostError("It waits no more.")
        self.log.append((self.name, "roll back"))
        return Applied(Ending.ROLLED_BACK, "It is back.", id)


def fleet(*names: str, **how: dict[str, Any]) -> tuple[list[Any], list[tuple[str, str]]]:
    """Servers that do as they are told, and the log of what was done to them."""
    log: list[tuple[str, str]] = []
    made = [
        FakeServer(Watched(reading(name), name=name, log=log, **how.get(name, {})), name=name)
        for name in names
    ]
    return made, log


def rolled(
    servers: Sequence[Any], *, size: int = 5, canary: str = "", **how: Any
) -> tuple[Rollout, dict[str, Became]]:
    """Plan for all, and apply it."""

    async def work() -> Rollout:
        prepared = await prepare(servers, WANTED, lambda _: WANTED)
        rollout = Rollout(prepared, waves(prepared, canary, size), **how)
        await rollout.run()
        return rollout

    rollout = asyncio.run(work())
    return rollout, {share.name: share.became for share in rollout.shares}


def test_the_canary_is_alone_and_waves_follow_one_another() -> None:
    servers, log = fleet("a", "b", "c", "d", "e")
    rollout, became = rolled(servers, size=2, canary="c")
    assert [name for name, _ in log] == ["c", "a", "b", "d", "e"]
    assert {share.name: share.wave for share in rollout.shares} == {"a": 2, "b": 2, "c": 1, "d": 3, "e": 3}
    assert set(became.values()) == {Became.APPLIED}
    assert (rollout.exit_code, rollout.stopped) == (0, "")


@pytest.mark.parametrize("rule", RollBack)
def test_a_canary_that_is_not_well_is_the_end(rule: RollBack) -> None:
    servers, log = fleet("a", "b", "c", a={"ending": Ending.ROLLED_BACK})
    rollout, became = rolled(servers, roll_back=rule)
    assert log == [("a", "apply")]
    assert became == {"a": Became.ROLLED_BACK, "b": Became.NOT_BEGUN, "c": Became.NOT_BEGUN}
    assert rollout.exit_code == 5
    assert rollout.stopped.startswith("a is not well (rolled back)")


def test_all_that_were_well_go_back_with_one_that_is_not() -> None:
    servers, log = fleet("a", "b", "c", "d", c={"ending": Ending.ROLLED_BACK})
    rollout, became = rolled(servers, size=2)
    assert became == {
        "a": Became.TAKEN_BACK,
        "b": Became.TAKEN_BACK,
        "c": Became.ROLLED_BACK,
        "d": Became.NOT_BEGUN,
    }
    assert sorted(log[3:]) == [("a", "undo"), ("b", "undo")]
    assert rollout.exit_code == 5


def test_only_what_failed_goes_back_where_that_is_the_rule() -> None:
    servers, log = fleet("a", "b", "c", "d", "e", c={"ending": Ending.ROLLED_BACK})
    rollout, became = rolled(servers, size=3, roll_back=RollBack.FAILED)
    assert became == {
        "a": Became.APPLIED,
        "b": Became.APPLIED,
        "c": Became.ROLLED_BACK,
        "d": Became.APPLIED,
        "e": Became.NOT_BEGUN,
    }
    assert not [done for done in log if done[1] != "apply"]
    assert rollout.exit_code == 5


def test_who_is_still_at_work_beside_one_that_failed_goes_back_at_once() -> None:
    servers, _ = fleet("a", "b", "c", b={"hangs": True}, c={"ending": Ending.REFUSED})
    _, became = rolled(servers)
    assert became == {"a": Became.TAKEN_BACK, "b": Became.ROLLED_BACK, "c": Became.REFUSED}


def test_what_waits_to_be_confirmed_is_rolled_back_by_its_own_guard() -> None:
    servers, log = fleet("a", "b", b={"ending": Ending.ROLLED_BACK})
    _, became = rolled(servers, confirm_within=60.0)
    assert became == {"a": Became.TAKEN_BACK, "b": Became.ROLLED_BACK}
    assert ("a", "roll back") in log


def test_the_time_to_confirm_must_be_enough_for_all_waves() -> None:
    servers, _ = fleet("a", "b", "c")
    rollout, became = rolled(servers, size=1, confirm_within=1e-9)
    assert became == {"a": Became.TAKEN_BACK, "b": Became.NOT_BEGUN, "c": Became.NOT_BEGUN}
    assert rollout.stopped.startswith("The time to confirm ran out on a")


@pytest.mark.parametrize(
    ("ending", "ends"),
    [
        (Ending.ROLLED_BACK, Became.TAKEN_BACK),
        (Ending.APPLIED, Became.APPLIED),
        (Ending.AWAITING, Became.UNKNOWN),
    ],
)
def test_what_cannot_be_confirmed_is_as_its_history_says(ending: Ending, ends: Became) -> None:
    servers, _ = fleet("a", "b", b={"late": True})
    rollout, became = rolled(servers, confirm_within=60.0)
    assert set(became.values()) == {Became.AWAITING}
    servers[1].configuration.entries = [entry(ID, 1.0, ending)]
    asyncio.run(rollout.confirm())
    assert [share.became for share in rollout.shares] == [Became.APPLIED, ends]


def test_a_refusal_at_the_canary_touches_nothing() -> None:
    servers, _ = fleet("a", "b", a={"ending": Ending.CHANGED})
    rollout, _ = rolled(servers)
    assert rollout.exit_code == 3


def test_some_done_and_some_refused_is_not_all() -> None:
    servers, _ = fleet("a", "b", b={"ending": Ending.REFUSED})
    rollout, _ = rolled(servers, roll_back=RollBack.FAILED)
    assert rollout.exit_code == 1


def test_what_cannot_be_taken_back_is_said_with_what_to_do() -> None:
    servers, _ = fleet("a", "b", a={"back": Ending.REFUSED}, b={"ending": Ending.ROLLED_BACK})
    rollout, became = rolled(servers)
    assert became["a"] is Became.BROKEN
    text = rollout.shares[0].text
    assert "may have the new settings" in text
    assert f"mtatui --server a history undo {ID}" in text
    assert rollout.exit_code == 5


# --- cut links ---------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a server that was cut off."""
    monkeypatch.setattr(rolling, "FINDING_OUT", 0.0)
    monkeypatch.setattr(rolling, "AGAIN", 0.0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("came", "became", "said"),
    [
        (Ending.APPLIED, Became.APPLIED, "Its history says"),
        (Ending.ROLLED_BACK, Became.ROLLED_BACK, "Its history says"),
        (None, Became.UNREACHED, "nothing was touched"),
    ],
)
def test_who_was_cut_off_is_asked_what_came_of_it(came: Ending | None, became: Became, said: str) -> None:
    servers, _ = fleet("a", "b", b={"error": Unreachable("the link was cut"), "came": came})
    rollout, found = rolled(servers, roll_back=RollBack.FAILED)
    assert found == {"a": Became.APPLIED, "b": became}
    assert said in rollout.shares[1].text
    assert "the link was cut" in rollout.shares[1].text


@pytest.mark.usefixtures("quick")
def test_who_does_not_answer_any_more_is_unknown_and_the_others_go_back() -> None:
    servers, _ = fleet("a", "b", "c", b={"error": Unreachable("cut"), "came": Ending.APPLIED, "silent": True})
    rollout, became = rolled(servers, size=1)
    assert became == {"a": Became.TAKEN_BACK, "b": Became.UNKNOWN, "c": Became.NOT_BEGUN}
    assert "goes back by itself" in rollout.shares[1].text
    assert rollout.exit_code == 5


def test_who_was_asked_in_vain_already_is_not_asked_again() -> None:
    servers, _ = fleet("a", "b", b={"error": Unanswered("cut, and no answer since"), "came": Ending.APPLIED})
    rollout, became = rolled(servers)
    assert became == {"a": Became.TAKEN_BACK, "b": Became.UNKNOWN}
    assert rollout.shares[1].text == "cut, and no answer since"


def test_an_older_entry_is_not_taken_for_ours(quick: None) -> None:
    servers, _ = fleet("a", "b", b={"error": Unreachable("cut")})
    plan = servers[1].configuration.plan(servers[1].configuration.now, WANTED)
    older = replace(entry("older", 0.5, Ending.APPLIED), diff=tuple(plan.diff()))
    servers[1].configuration.entries = [older]
    _, became = rolled(servers, roll_back=RollBack.FAILED)
    assert became["b"] is Became.UNREACHED


def test_what_somebody_else_did_meanwhile_is_not_taken_for_ours(quick: None) -> None:
    servers, log = fleet("a", "b", b={"error": Unreachable("cut"), "came": Ending.APPLIED})
    apply = servers[1].configuration.apply

    async def theirs(plan: Plan, **how: Any) -> Applied:
        try:
            done: Applied = await apply(plan, **how)
            return done
        finally:
            servers[1].configuration.entries = [entry("theirs", 2.0, Ending.APPLIED)]

    servers[1].configuration.apply = theirs
    _, became = rolled(servers)
    assert became["b"] is Became.UNREACHED
    assert ("b", "undo") not in log


def test_no_permission_is_no_cut_link() -> None:
    servers, _ = fleet("a", "b", b={"error": NotPermitted("sudo says no.")})
    rollout, became = rolled(servers, roll_back=RollBack.FAILED)
    assert became["b"] is Became.UNREACHED
    assert rollout.shares[1].text == "sudo says no. Nothing was touched."


# --- stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_task", [False, True])
def test_stopped_by_the_person_keeps_the_rules(by_task: bool) -> None:
    servers, log = fleet("a", "b", "c", b={"hangs": True})

    async def work() -> Rollout:
        prepared = await prepare(servers, WANTED, lambda _: WANTED)
        rollout = Rollout(prepared, waves(prepared, "", 1))
        cancel = asyncio.Event()

        def told(share: Share, step: Step | None) -> None:
            if share.name == "b" and step is not None:
                asyncio.get_running_loop().call_soon(running.cancel if by_task else cancel.set)

        running = asyncio.ensure_future(rollout.run(told, cancel))
        await asyncio.wait({running})
        assert running.cancelled() == by_task
        return rollout

    rollout = asyncio.run(work())
    assert [share.became for share in rollout.shares] == [
        Became.TAKEN_BACK,
        Became.ROLLED_BACK,
        Became.NOT_BEGUN,
    ]
    assert ("c", "apply") not in log


# --- preparing ---------------------------------------------------------------------------------------------


def test_a_server_without_a_plan_says_why_and_nothing_is_applied() -> None:
    servers, log = fleet("a", "b", "c", b={"refuses": "no"}, c={"why": "c is open read-only"})
    prepared = asyncio.run(prepare(servers, WANTED, lambda _: WANTED))
    assert [str(one.error) if one.error else "" for one in prepared] == [
        "",
        "no",
        "Settings cannot be changed: c is open read-only.",
    ]
    assert not log


def test_a_canary_must_have_something_to_do() -> None:
    servers, _ = fleet("a", "b", "c")
    servers[1].configuration.now = reading("b", inbound__smtpd_helo_required=True)
    prepared = asyncio.run(prepare(servers, WANTED, lambda _: WANTED))
    with pytest.raises(Impossible, match="prove nothing"):
        waves(prepared, "b")
    with pytest.raises(Impossible, match="not among"):
        waves(prepared, "x")
    assert [[one.name for one in wave] for wave in waves(prepared)] == [["a"], ["c"]]


NAMES = "abcdef"
ENDINGS = [Ending.APPLIED] * 4 + [Ending.ROLLED_BACK, Ending.REFUSED, Ending.CHANGED, Ending.BROKEN]


@settings(max_examples=60, deadline=None)
@given(
    endings=st.lists(st.sampled_from(ENDINGS), min_size=len(NAMES), max_size=len(NAMES)),
    size=st.integers(1, 6),
    canary=st.sampled_from(NAMES),
    rule=st.sampled_from(RollBack),
)
def test_the_rules_hold_whoever_fails(endings: list[Ending], size: int, canary: str, rule: RollBack) -> None:
    servers, log = fleet(
        *NAMES, **{name: {"ending": ending} for name, ending in zip(NAMES, endings, strict=True)}
    )
    rollout, became = rolled(servers, size=size, canary=canary, roll_back=rule)
    wave = {share.name: share.wave for share in rollout.shares}
    touched = {name for name, what in log if what == "apply"}
    failed = [wave[n] for n, e in zip(NAMES, endings, strict=True) if e is not Ending.APPLIED]
    last = min(failed, default=rollout.waves)
    assert [name for name in NAMES if wave[name] == 1] == [canary]
    # All waves up to the first in which one fails, and none after it.
    assert touched == {name for name in NAMES if wave[name] <= last}
    well = {name for name in NAMES if became[name] in WELL}
    if not failed:
        assert well == set(NAMES)
    elif rule is RollBack.ALL:
        assert not well, "the new settings are nowhere"
    else:
        assert well == {
            n for n, e in zip(NAMES, endings, strict=True) if wave[n] <= last and e is Ending.APPLIED
        }
    assert (rollout.exit_code == 0) == (not failed)

"""One change over three real Postfixes: a canary, waves, and everybody's bytes when one does not bear it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.applying import Step
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.fleet.drift import drift
from mtatui.fleet.matrix import read
from mtatui.fleet.prepared import Prepared, prepare, waves
from mtatui.fleet.shares import Became, RollBack, Share
from mtatui.fleet.waves import Rollout
from mtatui.server import Server
from mtatui.settings.plan import Edit
from tests.stack.changes import Killed
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack

HELO = "inbound.smtpd_helo_required"
WANTED: Mapping[str, Any] = {HELO: True, "outbound.message_size_limit": 20 * 1024 * 1024}
NAMES = ("mx1", "mx2", "mx3")


class Unrehearsed(Killed):
    """This machine, where a change goes on to its probe whatever it is; dies when that is set as `moment`."""

    def __init__(self) -> None:
        super().__init__("nobody")

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command; the next one dies of nothing."""
        try:
            return super().command(argv)
        finally:
            self.moment = self.moment or "nobody"


class Trio:
    """Three Postfixes, each the server of a name."""

    def __init__(self, instances: Mapping[str, PostfixInstance]) -> None:
        self.instances = instances

    def servers(self) -> list[Server]:
        """They, as one manages them; nothing is rehearsed, so that only the probe finds what is bad."""
        return [Server(Unrehearsed(), str(one.config), name) for name, one in self.instances.items()]

    def files(self) -> dict[str, str]:
        """What is on disk of their configurations: paths, and digests of the bytes."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for one in self.instances.values()
            for path in sorted(one.config.rglob("*"))
            if path.is_file()
        }

    def says(self, name: str, parameter: str) -> str:
        """What a Postfix itself says of a parameter."""
        return self.instances[name].postconf(parameter)

    def greet(self) -> bool:
        """Whether all of them answer clients."""
        return all(one.wait_until(one._greets, "a greeting") for one in self.instances.values())


@pytest.fixture(scope="module")
def instances() -> Iterator[dict[str, PostfixInstance]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                PostfixInstance(myhostname=f"{name}.stack.test", service_throttle_time="1s")
            )
            for name in NAMES
        }


@pytest.fixture
def trio(instances: dict[str, PostfixInstance]) -> Iterator[Trio]:
    """They, as they were in the beginning; nothing lies about afterwards."""
    before = {one: (one.config / "main.cf").read_bytes() for one in instances.values()}
    yield Trio(instances)
    for one, data in before.items():
        assert [str(path) for path in one.root.rglob("*.mtatui-*")] == []
        if (one.config / "main.cf").read_bytes() != data:
            (one.config / "main.cf").write_bytes(data)
            os.utime(one.config / "main.cf", (1, 1))
            one.run("postfix", "reload")


def unbearable(prepared: Prepared) -> Prepared:
    """Its plan, with a line in main.cf that Postfix accepts and does not bear, and without what finds it."""
    assert prepared.plan is not None
    [one] = prepared.plan.edits
    bad = replace(one, after=MainCf.parse(one.after or b"").set("smtpd_helo_required", "maybe").data)
    return replace(prepared, plan=replace(prepared.plan, edits=(bad,), checks=()))


def roll(
    servers: list[Server],
    bad: str = "",
    *,
    size: int = 5,
    dies: Mapping[str, str] | None = None,
    told: Callable[[Share, Step | None], None] = lambda share, step: None,
    **how: Any,
) -> Rollout:
    """Plan for all and apply; one of them has a plan that it does not bear, others die at a moment."""

    async def work() -> Rollout:
        prepared = await prepare(servers, WANTED, lambda _: WANTED)
        assert [one.error for one in prepared] == [None] * len(servers)
        prepared = [unbearable(one) if one.name == bad else one for one in prepared]
        for one in prepared:
            if dies and one.name in dies:
                one.server.host.moment = dies[one.name]  # type: ignore[attr-defined]  # Unrehearsed
        rollout = Rollout(prepared, waves(prepared, "", size), **how)
        await rollout.run(told)
        return rollout

    return asyncio.run(work())


def became(rollout: Rollout) -> dict[str, Became]:
    return {share.name: share.became for share in rollout.shares}


def test_all_have_it_and_the_profile_says_so(trio: Trio) -> None:
    before = trio.files()
    rollout = roll(trio.servers())
    assert became(rollout) == dict.fromkeys(NAMES, Became.APPLIED), [s.text for s in rollout.shares]
    assert rollout.exit_code == 0
    assert {trio.says(name, "smtpd_helo_required") for name in NAMES} == {"yes"}
    compared = asyncio.run(drift(trio.servers(), WANTED))
    assert [(one.error, one.differences) for one in compared] == [(None, ())] * 3
    assert trio.greet()
    # Each has an entry in its own history, by which it is taken back.
    for share in rollout.shares:
        configuration = share.prepared.server.configuration

        async def undo(share: Share = share, configuration: Any = configuration) -> None:
            plan = await configuration.undo_plan(await configuration.entry(share.entry_id))
            assert (await configuration.apply(plan)).ok

        asyncio.run(undo())
    assert trio.files() == before


@pytest.mark.parametrize("rule", RollBack)
def test_a_canary_that_fails_its_probe_stops_the_wave(trio: Trio, rule: RollBack) -> None:
    before = trio.files()
    touched: list[str] = []
    rollout = roll(
        trio.servers(),
        "mx1",
        roll_back=rule,
        told=lambda share, step: touched.append(share.name) if step else None,
    )
    assert became(rollout) == {
        "mx1": Became.ROLLED_BACK,
        "mx2": Became.NOT_BEGUN,
        "mx3": Became.NOT_BEGUN,
    }
    assert "Postfix is not well with it" in rollout.shares[0].text
    assert set(touched) == {"mx1"}
    assert trio.files() == before
    assert rollout.exit_code == 5
    assert trio.greet()


def test_one_in_the_second_wave_and_all_have_their_bytes_back(trio: Trio) -> None:
    before = trio.files()
    rollout = roll(trio.servers(), "mx2")
    now = became(rollout)
    # The third was at work beside it: it went back by itself, or was taken back.
    assert now.pop("mx3") in (Became.TAKEN_BACK, Became.ROLLED_BACK, Became.REFUSED)
    assert now == {"mx1": Became.TAKEN_BACK, "mx2": Became.ROLLED_BACK}
    assert trio.files() == before
    assert {trio.says(name, "smtpd_helo_required") for name in NAMES} == {"no"}
    assert trio.greet()
    assert rollout.exit_code == 5


def test_one_in_the_second_wave_and_only_it_goes_back(trio: Trio) -> None:
    before = trio.files()
    rollout = roll(trio.servers(), "mx2", roll_back=RollBack.FAILED)
    assert became(rollout) == {
        "mx1": Became.APPLIED,
        "mx2": Became.ROLLED_BACK,
        "mx3": Became.APPLIED,
    }
    after = trio.files()
    main = {name: str(one.config / "main.cf") for name, one in trio.instances.items()}
    assert after[main["mx2"]] == before[main["mx2"]]
    assert [trio.says(name, "smtpd_helo_required") for name in NAMES] == ["yes", "no", "yes"]
    assert trio.greet()


def test_what_was_changed_meanwhile_is_not_touched_and_the_first_goes_back(trio: Trio) -> None:
    by_hand = b"# by hand, while the canary was at work\n"
    path = trio.instances["mx2"].config / "main.cf"
    before = trio.files()

    def told(share: Share, step: Step | None) -> None:
        if share.name == "mx1" and by_hand not in path.read_bytes():
            path.write_bytes(path.read_bytes() + by_hand)

    rollout = roll(trio.servers(), size=1, told=told)
    assert became(rollout) == {
        "mx1": Became.TAKEN_BACK,
        "mx2": Became.CHANGED,
        "mx3": Became.NOT_BEGUN,
    }
    assert path.read_bytes().endswith(by_hand)
    path.write_bytes(path.read_bytes().removesuffix(by_hand))
    assert trio.files() == before


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        ("applier record done", Became.ROLLED_BACK),
        ("applier replaced 1", Became.ROLLED_BACK),
        ("both reload done", Became.ROLLED_BACK),
        ("applier finish done", Became.APPLIED),
    ],
)
def test_who_dies_in_between_is_found_out_about(trio: Trio, moment: str, ends: Became) -> None:
    """What a cut link leaves: nobody tells how it ended, but the guard and the history over there know."""
    before = trio.files()
    rollout = roll(trio.servers(), size=1, dies={"mx2": moment})
    well = ends is Became.APPLIED
    assert became(rollout) == {
        "mx1": Became.APPLIED if well else Became.TAKEN_BACK,
        "mx2": ends,
        "mx3": Became.APPLIED if well else Became.NOT_BEGUN,
    }, [share.text for share in rollout.shares]
    assert (trio.files() == before) == (not well)
    assert {trio.says(name, "smtpd_helo_required") for name in NAMES} == {"yes" if well else "no"}
    assert trio.greet()


def test_what_waits_on_all_is_taken_back_on_all(trio: Trio) -> None:
    before = trio.files()
    rollout = roll(trio.servers(), confirm_within=120.0)
    assert became(rollout) == dict.fromkeys(NAMES, Became.AWAITING), [s.text for s in rollout.shares]
    assert {trio.says(name, "smtpd_helo_required") for name in NAMES} == {"yes"}
    # One of them is kept by somebody else; that stays, and is said.
    kept = rollout.shares[0]
    asyncio.run(kept.prepared.server.configuration.confirm(kept.entry_id))
    asyncio.run(rollout.take_back())
    assert became(rollout) == {
        "mx1": Became.APPLIED,
        "mx2": Became.TAKEN_BACK,
        "mx3": Became.TAKEN_BACK,
    }
    after = trio.files()
    assert [trio.says(name, "smtpd_helo_required") for name in NAMES] == ["yes", "no", "no"]
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {str(trio.instances["mx1"].config / "main.cf")}
    assert trio.greet()


def test_the_matrix_marks_the_one_that_differs(trio: Trio) -> None:
    [odd] = [one for name, one in trio.instances.items() if name == "mx3"]
    path = odd.config / "main.cf"
    path.write_bytes(path.read_bytes() + b"smtpd_helo_required = yes\n")
    matrix = asyncio.run(read(trio.servers(), filters=False))
    [row] = [row for row in matrix.rows(differing=True) if row.setting.key == HELO]
    assert [(cell.show(row.setting), cell.differs) for cell in row.cells] == [
        ("off", False),
        ("off", False),
        ("on", True),
    ]
    assert "outbound.myhostname" not in {row.setting.key for row in matrix.rows(differing=True)}


def test_an_edit_is_of_the_server_it_was_planned_for(trio: Trio) -> None:
    prepared = asyncio.run(prepare(trio.servers(), WANTED, lambda _: WANTED))
    edits: list[Edit] = [edit for one in prepared if one.plan for edit in one.plan.edits]
    assert [Path(edit.path) for edit in edits] == [one.config / "main.cf" for one in trio.instances.values()]

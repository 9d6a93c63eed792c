"""A server whose clock is not ours, behind a real sshd. It is ours that the tests put off: what the server
does by its own must not depend on it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mtatui.backends import history
from mtatui.backends.applying import Ending
from mtatui.fleet.checking import Level, check
from mtatui.fleet.condition import Phase
from mtatui.verbs import DELETE
from tests.stack import ways
from tests.stack.acting import acting, frozen
from tests.stack.changes import Desk, same
from tests.stack.fleet import fleet_of, wait_until
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import NOBODY, Sshd

pytestmark = pytest.mark.stack

HOUR = 3600
_TIME = time.time


@pytest.fixture(params=[2 * HOUR, -2 * HOUR], ids=["behind", "ahead"])
def ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Put our clock so many seconds ahead of the server's, which is behind then."""
    off: int = request.param
    monkeypatch.setattr(time, "time", lambda: _TIME() + off)
    return off


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    with PostfixInstance() as instance:
        yield instance


@pytest.fixture
def far() -> Iterator[None]:
    """Everything goes through ssh."""
    ways.take(ways.SSH)
    yield
    ways.take(ways.LOCAL)


@pytest.mark.parametrize("login", ["", NOBODY], ids=["root", "nobody"])
async def test_it_is_said_and_a_scan_is_as_old_as_it_is(
    ours: float, login: str, instance: PostfixInstance
) -> None:
    with Sshd(login=login) as sshd, fleet_of({"mx1": instance}, sshd) as fleet:
        [clock] = [one for one in await check(fleet.server("mx1")) if one.check == "clock"]
        assert clock.level is Level.WARNING
        assert abs(float(clock.found.split()[-2]) - abs(ours)) < 60
        assert "Ages and retry times mislead" in clock.advice
        if login:
            return
        fleet.start()
        await wait_until(lambda: fleet.condition("mx1").phase is Phase.LIMITED, "its condition")
        condition = fleet.condition("mx1")
        which = "behind" if ours > 0 else "ahead"
        assert f" s {which}: ages and retry times mislead by as much" in condition.why
        assert abs(condition.scanned - time.time()) < HOUR / 2


async def test_verbs_the_trash_and_undo_do_not_mind(
    ours: float, far: None, instance: PostfixInstance
) -> None:
    ids = [instance.send("s@sender.test", f"full-{n}@ok.test") for n in range(3)]
    instance.settle()
    with acting(instance) as actor:
        assert (await actor.act(DELETE, frozen(actor, [*ids]))).ok
        assert await actor.trash.purge(HOUR, 10**9) == (0, 0)  # not an hour old by the server's clock
        assert not set(ids) & instance.queue_ids("deferred")
        assert (await actor.undo()).ok
        assert set(ids) <= instance.queue_ids("hold")  # as ever: deletion undone is on hold


async def test_a_change_that_waits_waits_as_long_by_our_clock(
    ours: float, far: None, instance: PostfixInstance
) -> None:
    with Desk(instance) as desk:
        edits = desk.edits(smtpd_banner="an hour like any other")
        applied = await desk.applying(desk.plan(*edits), confirm_within=600)
        assert applied.outcome is Ending.AWAITING
        [entry] = await history.entries(desk.host, desk.queue)
        for until in (applied.until, entry.until):
            assert until is not None
            assert 300 < until - time.time() <= 600
        await history.confirm(desk.host, desk.queue, applied.entry_id, who="ada")
        assert same(edits, after=True)

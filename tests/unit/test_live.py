"""Keeping an index live: when a queue is looked at again, and what a listener is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mtatui.backends.host import HostError, Unreachable
from mtatui.live import ATTENTIVE, BACK_OFF, DUTY, FAR_PACE, PACE, THOROUGH_PACE, VARIES, Live
from mtatui.queue.delta import Counts, Delta, Done, Rows
from mtatui.queue.index import Index
from mtatui.queue.message import State
from tests.unit.test_index import row


class Clock:
    """A time that passes only while it is waited for."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def clear(self) -> None:
        pass

    def set(self) -> None:
        pass

    def wait(self, pause: float) -> None:
        self.pauses.append(pause)
        self.now += pause
        self.then()


class Scans:
    """A feed whose every scan is told beforehand: its deltas, or its error; then the thread ends."""

    limits = ""

    def __init__(self, *scans: list[Delta] | HostError) -> None:
        self.left = list(scans)
        self.thorough: list[bool] = []
        self.opened = self.closed = 0
        self.live: Live | None = None

    def open(self) -> Scans:
        self.opened += 1
        return self

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        self.thorough.append(thorough)
        now = self.left.pop(0)
        if not self.left and self.live is not None:
            self.live.close()
        if isinstance(now, HostError):
            raise now
        yield from now

    def close(self) -> None:
        self.closed += 1


def run(
    scans: Scans, monkeypatch: pytest.MonkeyPatch, *, far: bool = False, index: Index | None = None
) -> Clock:
    """Have a live thread's work done here and now; how long it paused after each scan."""
    clock, part = Clock(), (index or Index()).part("mx1")
    scans.live = Live("mx1", scans.open, lambda: part, far=far)
    monkeypatch.setattr("mtatui.live.time", clock)
    monkeypatch.setattr(scans.live, "_wake", clock)
    scans.live.run()
    return clock


def quiet(cost: float = 0.001) -> list[Delta]:
    return [Counts({}), Done(1.0, cost, {})]


def test_a_quiet_queue_is_looked_at_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Scans(quiet(), quiet(), quiet()), monkeypatch).pauses == [PACE] * 3


def test_a_costly_queue_is_looked_at_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Scans(quiet(3.0), quiet()), monkeypatch).pauses == [3.0 / DUTY, PACE]


def test_a_queue_far_away_is_looked_at_less_often_and_not_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = run(Scans(*[quiet()] * 30), monkeypatch, far=True).pauses
    assert all(FAR_PACE * (1 - VARIES) <= pause <= FAR_PACE * (1 + VARIES) for pause in pauses)
    assert len(set(pauses)) > 20


def test_whoever_acts_far_away_sees_soon_what_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Acting(Scans):
        def scan(self, thorough: bool = False) -> Iterator[Delta]:
            assert self.live is not None
            if len(self.left) == 58:
                self.live.now()
            return super().scan(thorough)

    clock = run(Acting(*[quiet()] * 60), monkeypatch, far=True)
    assert clock.pauses[0] > PACE
    assert clock.pauses[2 : 2 + int(ATTENTIVE)] == [PACE] * int(ATTENTIVE)
    assert min(clock.pauses[3 + int(ATTENTIVE) :]) > PACE


@pytest.mark.parametrize("far", [False, True])
def test_now_and_then_everything_is_looked_at(far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = Scans(*[quiet()] * 50)
    clock = run(scans, monkeypatch, far=far)
    passed = [sum(clock.pauses[:number]) for number, thorough in enumerate(scans.thorough) if thorough]
    assert passed
    longest = PACE if not far else FAR_PACE * (1 + VARIES)
    assert THOROUGH_PACE <= passed[0] <= THOROUGH_PACE + longest


def test_a_server_that_does_not_answer_is_tried_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Unreachable("mx1 does not answer")
    scans = Scans(quiet(), *[gone] * 9, quiet(), quiet())
    clock = run(scans, monkeypatch)
    assert clock.pauses[1:10] == [1, 2, 4, 8, 16, 32, BACK_OFF[1], BACK_OFF[1], BACK_OFF[1]]
    assert clock.pauses[10:] == [PACE] * 2
    assert scans.opened == 10
    assert scans.live is not None
    assert scans.live.trouble is None


def test_what_went_while_nobody_looked_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that is opened again knows nothing of what was told before."""
    index = Index()
    index.part("mx2").apply(Rows([row("AAAAA")]))
    first: list[Delta] = [Rows([row("AAAAA"), row("BBBBB")]), Done(1.0, 0.1, {})]
    again: list[Delta] = [Rows([row("BBBBB")]), Done(2.0, 0.1, {})]
    run(Scans(first, Unreachable("cut"), again), monkeypatch, index=index)
    assert index.states_of(["mx1/AAAAA", "mx1/BBBBB", "mx2/AAAAA"]) == {
        "mx1/BBBBB": State.DEFERRED,
        "mx2/AAAAA": State.DEFERRED,
    }


def test_what_changes_elsewhere_is_no_news_of_this_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index()

    class Busy(Scans):
        def scan(self, thorough: bool = False) -> Iterator[Delta]:
            index.part("mx2").apply(Rows([row(f"AAAA{len(self.left)}")]))
            return super().scan(thorough)

    at = [float(n) for n in range(1, 6)]
    told: list[list[Delta]] = [[Counts({}), Done(then, 0.001, {})] for then in at]
    scans = Busy(*told)
    run(scans, monkeypatch, index=index)
    assert scans.live is not None
    assert scans.live.told_at == 0.0
    assert scans.live.last is not None
    assert scans.live.last.at == at[-1]

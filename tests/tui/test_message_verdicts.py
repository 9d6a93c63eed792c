"""The section "Verdicts" of the message screen, on a fake server: on demand, as they come, stopped by esc."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from mtatui.backends.host import HostError
from mtatui.backends.verdicts import Verdicts
from mtatui.screens.message import MessageScreen
from mtatui.widgets.text_view import TextView
from tests.tui.message_bench import HOSTILE, ID, NOW, Bench, Source, extent, open_at, rows, settled
from tests.tui.still_verdicts import BEGUN, DONE, SCANNING


class Judging(Source):
    """A server whose verdicts come one by one, the next when the test says so."""

    def __init__(self, *steps: Verdicts | HostError) -> None:
        super().__init__()
        self.steps = steps
        self.next = asyncio.Semaphore(0)
        self.stopped = 0

    async def verdicts(self, id: str, *, progress: Callable[[Verdicts], None]) -> Verdicts:
        self.asked.append(("verdicts", id, 0))
        last = BEGUN
        try:
            for step in self.steps:
                await self.next.acquire()
                if isinstance(step, HostError):
                    raise step
                progress(step)
                last = step
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return last


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


def whole(app: Bench) -> str:
    return app.screen.query_one(TextView).text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_verdicts_are_shown_as_they_come(size: tuple[int, int]) -> None:
    source = Judging(BEGUN, SCANNING, DONE)
    app = Bench(source)
    async with app.run_test(size=size) as pilot:
        await pilot.press("V")
        source.next.release()
        await pilot.pause()
        assert "clamd · SpamAssassin · keys are asked for … esc stops" in extent(app)
        assert "claimed by mx.isp.test" in whole(app)
        source.next.release()
        await pilot.pause()
        assert "◌ clamd is scanning …" in whole(app)
        source.next.release()
        await settled(pilot)
        shown = rows(app)
        assert extent(app) == ""
        for words in (
            "✖ Eicar-Test.UNOFFICIAL",
            "✖ 1003.20 points: spam (SpamAssassin's own limit is 5.00)",
            "● pass  shop.test (selector s1, rsa 2048)",
            "✖ fail  list.test (selector k, ed25519): the body was changed",
            "does not leave this server",
        ):
            assert words in " ".join(whole(app).split("\n")), words
        at = [shown.index(name) for name in ("GTUBE", "LOUD", "NO_RELAYS")]
        assert at == sorted(at)
        assert all(c.isprintable() or c == "\n" for c in whole(app))


async def test_walking_by_asks_nobody() -> None:
    source = Judging(DONE)
    app = Bench(source)
    async with app.run_test() as pilot:
        await pilot.press("shift+tab")
        await settled(pilot)
        assert "V has this message judged" in whole(app)
        assert source.asked == []
        source.next.release()
        await open_at(pilot, "V")
        assert "Eicar" in whole(app)


async def test_they_are_kept_and_asked_for_again_by_their_key() -> None:
    source = Judging(DONE)
    app = Bench(source)
    async with app.run_test() as pilot:
        source.next.release()
        await open_at(pilot, "V")
        await open_at(pilot, "E")
        assert "Eicar" in await open_at(pilot, "V")
        assert len(source.asked) == 1
        source.next.release()
        await open_at(pilot, "V")
        assert len(source.asked) == 2
        await open_at(pilot, "J")
        assert "V has this message judged" in whole(app), "those of another message"


async def test_esc_stops_and_stays() -> None:
    source = Judging(SCANNING, DONE)
    app = Bench(source)
    async with app.run_test() as pilot:
        await pilot.press("V")
        source.next.release()
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert source.stopped == 1
        assert isinstance(app.screen, MessageScreen)
        assert extent(app) == "stopped; V asks again"
        await open_at(pilot, "E")
        await pilot.press("shift+tab")
        assert "V has this message judged" in whole(app), "half of it must not pass for all"
        await pilot.press("escape")
        await pilot.pause()
        assert app.left_at == ID


async def test_another_section_stops_it_too() -> None:
    source = Judging(SCANNING, DONE)
    app = Bench(source)
    async with app.run_test() as pilot:
        await pilot.press("V")
        source.next.release()
        await pilot.pause()
        await open_at(pilot, "B")
        assert source.stopped == 1
        assert "needle here" in rows(app)


async def test_what_cannot_be_read_is_said_in_its_words() -> None:
    source = Judging(HostError("The message is not in the queue of mx1 any more." + HOSTILE), DONE)
    app = Bench(source)
    async with app.run_test() as pilot:
        source.next.release()
        shown = await open_at(pilot, "V")
        assert "not in the queue of mx1 any more" in shown
        assert extent(app) == "no verdicts; V asks again"
        assert all(c.isprintable() or c == "\n" for c in shown)

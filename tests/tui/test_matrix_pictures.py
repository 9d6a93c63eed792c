"""Pictures of the matrix, of the review for all servers and of the waves, held against those that were
accepted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from mtatui.backends.applying import Ending
from mtatui.config import Config
from mtatui.fleet import Fleet
from tests.tui.hands import Hands
from tests.tui.matrix_hands import PROFILE, SILENT, opened, press_apply, profiled, rolled, to
from tests.tui.still import NOW
from tests.tui.still_many import HELO, configuration, many

Snap = Callable[..., bool]
Scene = Callable[[Hands], Awaitable[None]]
both_sizes = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is Sunday 22 November 2026, 15:20:00 UTC, and stays so; nothing comes by itself a while later."""
    monkeypatch.setattr("mtatui.app.IDLE", 3600)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def a_profile(tmp_path: Path) -> Path:
    """A file with two settings for all."""
    path = tmp_path / "p"
    path.write_text(PROFILE)
    return path


@pytest.fixture
def picture(snap_compare: Snap) -> Callable[..., bool]:
    """Play a scene; whether it looks at its end as in the picture that was accepted."""

    def compare(scene: Scene, size: tuple[int, int], fleet: Fleet) -> bool:
        app = MtatuiApp(fleet, Config())

        async def before(pilot: Pilot[None]) -> None:
            hands = Hands(app, pilot)
            await opened(hands)
            await scene(hands)
            await pilot.pause()

        try:
            return snap_compare(app, terminal_size=size, run_before=before)
        finally:
            fleet.close()

    return compare


async def _matrix(hands: Hands) -> None:
    await to(hands, HELO, "mx3")


async def _differing(hands: Hands) -> None:
    await hands.press("d")


@both_sizes
def test_picture_of_the_matrix(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(_matrix, size, many("relay-berlin", "out1", trouble={"out1": SILENT}))


@both_sizes
def test_picture_of_what_differs(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(_differing, size, many())


@both_sizes
def test_picture_of_the_review(picture: Callable[..., bool], size: tuple[int, int], a_profile: Path) -> None:
    async def scene(hands: Hands) -> None:
        await profiled(hands, a_profile)

    fleet = many("out1", "out2")
    configuration(fleet, "out1").refuses = "a check of the admin stands in the way"
    assert picture(scene, size, fleet)


@both_sizes
def test_picture_of_waves_on_their_way(
    picture: Callable[..., bool], size: tuple[int, int], a_profile: Path
) -> None:
    fleet = many("out1", "out2", "out3", "out4", "out5", "out6")
    configuration(fleet, "out2").hold = asyncio.Event()

    async def scene(hands: Hands) -> None:
        await profiled(hands, a_profile)
        await press_apply(hands)
        await hands.until(lambda: "out2  at work" in hands.text() and "out3  applied" in hands.text())

    assert picture(scene, size, fleet)


@both_sizes
def test_picture_of_waves_that_went_back(
    picture: Callable[..., bool], size: tuple[int, int], a_profile: Path
) -> None:
    fleet = many("out1", "out2", "out3", "out4", "out5", "out6")
    configuration(fleet, "out2").ending = Ending.ROLLED_BACK

    async def scene(hands: Hands) -> None:
        await profiled(hands, a_profile)
        await press_apply(hands)
        await rolled(hands)

    assert picture(scene, size, fleet)

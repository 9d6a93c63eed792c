"""Pictures of the matrix, of the review for all servers and of the waves, held against those that were
accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.applying import Ending
from mtatui.config import Config
from mtatui.fleet import Fleet
from tests.tui.hands import Hands
from tests.tui.matrix_hands import PROFILE, SILENT, opened, press_apply, profiled, rolled, to
from tests.tui.pictures import Scene, Snap, both_sizes, pictured
from tests.tui.still_many import HELO, configuration, many

pytestmark = pytest.mark.usefixtures("stopped_clock", "undisturbed")


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

        async def before(hands: Hands) -> None:
            await opened(hands)
            await scene(hands)

        return pictured(snap_compare, app, size, before)

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

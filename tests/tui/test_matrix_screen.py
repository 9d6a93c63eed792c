"""The settings of all servers beside one another, and a change that goes over them in waves: what a person
sees, and what keys do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from mtatui.backends.applying import Ending
from mtatui.backends.host import Unreachable
from mtatui.config import Config
from mtatui.fleet import Fleet
from mtatui.screens.matrix import MatrixScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.screens.waves import RolloutScreen, WavesReview
from mtatui.settings.catalogue import ALL as SETTINGS
from mtatui.settings.plan import Caution
from tests.tui.hands import Hands
from tests.tui.still import NOW
from tests.tui.still_many import HELO, SENDER, SIZE, configuration, many

Snap = Callable[..., bool]
Scene = Callable[[Hands], Awaitable[None]]
both_sizes = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
SILENT = Unreachable("ssh: connect to host mx3 port 22: Connection timed out. mtatui tries again by itself.")


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


async def opened(hands: Hands) -> MatrixScreen:
    """The matrix, from the page of servers, all that will ever be known in it."""
    hands.app.fleet.start()
    await hands.press("0")
    await hands.press("M")
    await hands.until(lambda: isinstance(hands.app.screen, MatrixScreen))
    screen = hands.app.screen
    assert isinstance(screen, MatrixScreen)
    await hands.until(lambda: not screen._reading)
    await hands.pilot.pause()
    return screen


@asynccontextmanager
async def at_matrix(fleet: Fleet | None = None, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the matrix before them."""
    fleet = fleet or many()
    app = MtatuiApp(fleet, Config())
    try:
        async with app.run_test(size=size) as pilot:
            hands = Hands(app, pilot)
            await opened(hands)
            yield hands
    finally:
        fleet.close()


async def to(hands: Hands, key: str, server: str) -> None:
    """The cursor on a cell, by keys."""
    screen = hands.app.screen
    assert isinstance(screen, MatrixScreen)
    await hands.press("home")
    for _ in range(200):
        row = screen.table.row_at_cursor
        if row is not None and row.setting.key == key:
            break
        await hands.press("down")
    while (column := screen.table.column_at_cursor) is not None and column.server.name != server:
        await hands.press("right")


def line(hands: Hands, key: str) -> str:
    """The line of a setting."""
    label = SETTINGS[key].label[:20]
    return next((line for line in hands.text().splitlines() if label in line[:45]), hands.text())


async def reviewed(hands: Hands) -> WavesReview:
    """The plan for all, on the screen."""
    await hands.until(lambda: isinstance(hands.app.screen, WavesReview))
    screen = hands.app.screen
    assert isinstance(screen, WavesReview)
    await hands.pilot.pause()
    return screen


async def rolled(hands: Hands) -> RolloutScreen:
    """The end of it."""
    await hands.until(lambda: isinstance(hands.app.screen, RolloutScreen) and hands.app.screen.over)
    screen = hands.app.screen
    assert isinstance(screen, RolloutScreen)
    await hands.pilot.pause()
    return screen


async def press_apply(hands: Hands) -> None:
    """Apply, which is the second answer."""
    await hands.press("right", "enter")


# --- the matrix --------------------------------------------------------------------------------------------


async def test_what_differs_is_marked_and_said() -> None:
    async with at_matrix() as hands:
        await to(hands, HELO, "mx3")
        assert "≠ ○ off" in line(hands, HELO)
        assert "● on: mx1, mx2" not in hands.text()
        assert "on: mx1, mx2" in hands.text()
        await to(hands, "outbound.myhostname", "mx3")
        assert "mx3.example.test" in line(hands, "outbound.myhostname")
        assert "≠" not in line(hands, "outbound.myhostname")


async def test_only_what_differs() -> None:
    async with at_matrix() as hands:
        screen = hands.app.screen
        assert isinstance(screen, MatrixScreen)
        whole = screen.table.line_count()
        await hands.press("d")
        keys = [row.setting.key for row in screen.table.rows if not isinstance(row, str)]
        assert keys == [SENDER, HELO, SIZE]
        await hands.press("d")
        assert screen.table.line_count() == whole


async def test_enter_goes_to_the_setting_of_that_server() -> None:
    async with at_matrix() as hands:
        await to(hands, SIZE, "mx3")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.until(lambda: hands.app.server.name == "mx3")
        assert hands.settings.setting.key == SIZE


async def test_who_does_not_answer_says_why_and_keeps_nobody_waiting() -> None:
    async with at_matrix(many(trouble={"mx3": SILENT})) as hands:
        await to(hands, HELO, "mx3")
        assert "✖ mx3" in hands.text()
        assert "Connection timed out" in hands.text()
        assert "● on" in line(hands, HELO)
        assert "1 without an answer" in hands.text()


async def test_many_servers_scroll_across() -> None:
    async with at_matrix(many(*(f"out{n}" for n in range(1, 13))), size=(80, 24)) as hands:
        assert "out12" not in hands.text()
        for _ in range(14):
            await hands.press("right")
        assert "out12" in hands.text()
        assert "mx1" not in hands.text().splitlines()[1]
        assert "15 servers" in hands.text()


async def test_one_server_is_no_matrix() -> None:
    from tests.tui.hands import at_settings

    async with at_settings() as hands:
        await hands.press("M")
        assert isinstance(hands.app.screen, SettingsScreen)
        assert "no other server" in hands.text()


# --- a change for all --------------------------------------------------------------------------------------


async def test_the_same_on_all_is_planned_reviewed_and_applied_where_it_differs() -> None:
    fleet = many()
    async with at_matrix(fleet) as hands:
        await to(hands, HELO, "mx1")
        await hands.press("e")
        screen = await reviewed(hands)
        assert [[one.name for one in wave] for wave in screen.waves] == [["mx3"]]
        assert "mx1, mx2: it is so already" in hands.text()
        assert not configuration(fleet, "mx3").applied
        await press_apply(hands)
        await rolled(hands)
        assert "Every server is as it was wanted" in hands.text()
        assert configuration(fleet, "mx3").values[HELO].value is True
        assert not configuration(fleet, "mx1").applied
        await hands.press("enter")
        await hands.until(lambda: "≠" not in line(hands, HELO))


async def test_cancelled_nothing_is_touched() -> None:
    fleet = many()
    async with at_matrix(fleet) as hands:
        await to(hands, HELO, "mx3")
        await hands.press("e")
        await reviewed(hands)
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, MatrixScreen))
        assert not any(configuration(fleet, name).applied for name in fleet.names)


async def test_what_is_a_servers_own_is_not_for_all() -> None:
    async with at_matrix() as hands:
        await to(hands, "outbound.myhostname", "mx1")
        await hands.press("e")
        assert isinstance(hands.app.screen, MatrixScreen)
        assert "no other is meant to have it" in hands.text()


async def profiled(hands: Hands, path: Path) -> WavesReview:
    """A profile for all, typed by its path."""
    await hands.press("p")
    await hands.type(str(path))
    await hands.press("enter")
    return await reviewed(hands)


@pytest.fixture
def a_profile(tmp_path: Path) -> Path:
    """A file with two settings for all."""
    path = tmp_path / "p"
    path.write_text(PROFILE)
    return path


PROFILE = "[inbound]\nreject_unknown_sender_domain = 'enforce'\nsmtpd_helo_required = true\n"


async def test_a_profile_that_one_does_not_bear_goes_back_on_all(a_profile: Path) -> None:
    fleet = many()
    before = {name: dict(configuration(fleet, name).values) for name in fleet.names}
    configuration(fleet, "mx2").ending = Ending.ROLLED_BACK
    async with at_matrix(fleet) as hands:
        await profiled(hands, a_profile)
        await press_apply(hands)
        await rolled(hands)
        assert "mx1  taken back" in hands.text()
        assert "mx2  rolled back" in hands.text()
        assert "It was not carried through: mx2 is not well" in hands.text()
    assert {name: dict(configuration(fleet, name).values) for name in fleet.names} == before


async def test_one_without_a_plan_is_left_out_or_nothing_is_done(a_profile: Path) -> None:
    fleet = many()
    configuration(fleet, "mx2").refuses = "a check of the admin stands in the way"
    async with at_matrix(fleet) as hands:
        screen = await profiled(hands, a_profile)
        assert "mx2: a check of the admin stands in the way" in hands.text()
        assert screen.query_one("#apply").disabled
        await hands.press("x")
        assert [[one.name for one in wave] for wave in screen.waves] == [["mx1"], ["mx3"]]
        await press_apply(hands)
        await rolled(hands)
        assert not configuration(fleet, "mx2").applied


async def test_who_comes_first_and_what_goes_back_can_be_chosen(a_profile: Path) -> None:
    fleet = many()
    configuration(fleet, "mx1").ending = Ending.ROLLED_BACK
    async with at_matrix(fleet) as hands:
        screen = await profiled(hands, a_profile)
        await hands.press("c", "w", "f")
        while [len(wave) for wave in screen.waves] != [1, 1, 1]:
            await hands.press("w")
        assert screen.waves[0][0].name == "mx2"
        assert "only what failed goes back" in hands.text()
        await press_apply(hands)
        await rolled(hands)
        assert "mx2  applied" in hands.text()
        assert "mx1  rolled back" in hands.text()
        assert "mx3  not begun" in hands.text()


async def test_what_is_grave_is_agreed_to_by_a_word(a_profile: Path) -> None:
    fleet = many()
    configuration(fleet, "mx2").cautions = (Caution("Anybody could send through it.", grave=True),)
    async with at_matrix(fleet) as hands:
        screen = await profiled(hands, a_profile)
        assert screen.query_one("#apply").disabled
        await hands.type("yes")
        await hands.press("enter", "enter")
        await rolled(hands)


async def test_stopped_it_goes_back(a_profile: Path) -> None:
    fleet = many()
    configuration(fleet, "mx2").hold = asyncio.Event()
    async with at_matrix(fleet) as hands:
        await profiled(hands, a_profile)
        await press_apply(hands)
        await hands.until(lambda: "mx2  at work" in hands.text() and "mx3  applied" in hands.text())
        await hands.press("escape")
        await rolled(hands)
        assert "mx1  taken back" in hands.text()
        assert "mx2  rolled back" in hands.text()
        assert "mx3  taken back" in hands.text()


async def test_kept_on_all_or_taken_back_on_all(a_profile: Path) -> None:
    for answer, ends in (("right", "applied"), ("left", "taken back")):
        fleet = many()
        async with at_matrix(fleet) as hands:
            await profiled(hands, a_profile)
            await hands.press("right", "right", "enter")
            await rolled(hands)
            assert "mx1  awaiting" in hands.text()
            assert "back from 15:25:00 on" in hands.text()
            await hands.press(answer, "enter")
            await hands.until(lambda ends=ends: f"mx1  {ends}" in hands.text())  # type: ignore[misc]  # mypy knows no type for it
            assert f"mx3  {ends}" in hands.text()


async def test_a_profile_with_mistakes_says_them(tmp_path: Path) -> None:
    bad = tmp_path / "p"
    bad.write_text("[inbound]\nnonsense = 1\n")
    async with at_matrix() as hands:
        await hands.press("p")
        await hands.type(str(bad))
        await hands.press("enter")
        await hands.until(lambda: "nonsense" in hands.text() and "line 2" in hands.text())


# --- pictures ----------------------------------------------------------------------------------------------


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

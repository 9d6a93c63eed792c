"""The settings of all servers beside one another, and a change that goes over them in waves: what a person
sees, and what keys do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mtatui.backends.applying import Ending
from mtatui.screens.matrix import MatrixScreen
from mtatui.screens.servers import ServersScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.settings.plan import Caution
from tests.tui.hands import at_settings
from tests.tui.matrix_hands import (
    PROFILE,
    SILENT,
    at_matrix,
    line,
    press_apply,
    profiled,
    reviewed,
    rolled,
    to,
)
from tests.tui.still_many import HELO, SENDER, SIZE, configuration, many

pytestmark = pytest.mark.usefixtures("stopped_clock", "undisturbed")


@pytest.fixture
def a_profile(tmp_path: Path) -> Path:
    """A file with two settings for all."""
    path = tmp_path / "p"
    path.write_text(PROFILE)
    return path


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


async def test_a_size_is_short_in_its_cell_and_told_to_the_byte_below() -> None:
    async with at_matrix(size=(80, 24)) as hands:
        await to(hands, SIZE, "mx3")
        assert "(" not in line(hands, SIZE)
        assert "bytes)" in hands.text()


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


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_enter_goes_to_the_setting_of_that_server(size: tuple[int, int]) -> None:
    async with at_matrix(size=size) as hands:
        await to(hands, SIZE, "mx3")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.until(lambda: hands.app.server.name == "mx3")
        assert hands.settings.setting.key == SIZE
        await hands.pilot.pause()
        assert hands.settings.list.top <= hands.settings.list.cursor
        assert hands.settings.list.cursor < hands.settings.list.top + hands.settings.list.page


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


async def test_the_key_of_the_page_below_leaves_it() -> None:
    async with at_matrix() as hands:
        await hands.press("0")
        await hands.until(lambda: isinstance(hands.app.screen, ServersScreen))
        await hands.press("M")
        await hands.until(lambda: isinstance(hands.app.screen, MatrixScreen))
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.press("M")
        await hands.until(lambda: isinstance(hands.app.screen, MatrixScreen))
        await hands.press("2")
        await hands.until(lambda: "[Outbound]" in hands.text())


async def test_one_server_is_no_matrix() -> None:
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
            assert ("as it was wanted" in hands.text()) == (ends == "applied")


async def test_a_profile_with_mistakes_says_them(tmp_path: Path) -> None:
    bad = tmp_path / "p"
    bad.write_text("[inbound]\nnonsense = 1\n")
    async with at_matrix() as hands:
        await hands.press("p")
        await hands.type(str(bad))
        await hands.press("enter")
        await hands.until(lambda: "nonsense" in hands.text() and "line 2" in hands.text())

"""What goes on, in a frame: it can be stopped and not be left, and its answers are always within reach."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.widgets import Button

from mtatui.screens.progressing import ProgressScreen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 12)])
async def test_answers_stay_in_the_frame_however_much_there_is_to_read(size: tuple[int, int]) -> None:
    app: App[None] = App()
    async with app.run_test(size=size) as pilot:
        screen = ProgressScreen("Updating", lambda: None)
        await app.push_screen(screen)
        for number in range(100):
            screen.took(f"line {number}")
        screen.ended("✔ Done.", "")
        await pilot.pause()
        close = screen.query_one("#cancel", Button)
        frame = screen.query_one("#frame")
        assert close.has_focus
        assert frame.content_region.contains_region(close.region)
        assert screen.sheet.region.bottom < close.region.y
        assert screen.sheet.top + screen.sheet.page == len(screen.sheet.lines), "the end is in view"


async def test_what_runs_is_stopped_by_escape_and_left_only_when_it_is_over() -> None:
    app: App[None] = App()
    stopped: list[bool] = []
    async with app.run_test() as pilot:
        screen = ProgressScreen("Updating", lambda: stopped.append(True))
        await app.push_screen(screen)
        await pilot.press("escape")
        assert stopped == [True]
        assert app.screen is screen
        screen.ended("It was stopped.", "warning")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not screen


async def test_what_is_told_when_the_terminal_is_gone_disturbs_nobody() -> None:
    app: App[None] = App()
    screen = ProgressScreen("Updating", lambda: None)
    async with app.run_test():
        await app.push_screen(screen)
    screen.took("a line more")
    screen.ended("✔ Done.", "")
    assert screen.outcome == ("✔ Done.", "")

"""The virtual table as a person uses it: a hundred thousand rows, and only those in sight are touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from mtatui.text import fit_address
from mtatui.widgets.columns import GAP, Cell, Column, layout
from mtatui.widgets.lines import CURSOR
from mtatui.widgets.queue_table import MARK, QueueTable

Row = tuple[str, str, str]
SIZES = [(80, 24), (120, 40)]

COLUMNS: tuple[Column[Row], ...] = (
    Column("id", "ID", lambda row, width: Cell(row[0], "dim"), 11, rank=5, sort="id"),
    Column("age", "Age", lambda row, width: "5d 2h", 6, align="right", sort="age"),
    Column("from", "From", lambda row, width: fit_address(row[1], width), 24, flex=2, sort="from"),
    Column("size", "Size", lambda row, width: "1.1 K", 6, align="right", rank=4),
    Column("reason", "Reason", lambda row, width: row[2], 24, flex=1, rank=2),
)


class Rows:
    """Rows that are made when asked for; it is counted how often, and some may not be at hand."""

    def __init__(self, ids: list[str] | range) -> None:
        self.ids = ids
        self.asked: set[int] = set()
        self.missing: set[int] = set()

    def __len__(self) -> int:
        return len(self.ids)

    def id(self, index: int) -> str | None:
        return None if index in self.missing else f"{self.ids[index]}"

    def row(self, index: int) -> Row | None:
        self.asked.add(index)
        if index in self.missing:
            return None
        return f"{self.ids[index]}", f"user{self.ids[index]}@isp.test", "timeout"


class TableApp(App[None]):
    CSS = "QueueTable { height: 1fr; }"

    def __init__(self, source: Rows) -> None:
        super().__init__()
        self.source = source
        self.table: QueueTable[Row] = QueueTable(COLUMNS, empty="Nothing waits.")
        self.heard: list[Any] = []
        self.followed: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.follow = self.followed.append
        self.table.reload(self.source)
        self.table.focus()

    def on_queue_table_need_rows(self, event: QueueTable.NeedRows) -> None:
        self.heard.append(event)

    def on_queue_table_opened(self, event: QueueTable.Opened) -> None:
        self.heard.append(event.id)

    def on_queue_table_range_marked(self, event: QueueTable.RangeMarked) -> None:
        self.heard.append(event.rows)

    def on_queue_table_mark_clicked(self, event: QueueTable.MarkClicked) -> None:
        self.heard.append(("mark", event.id))

    def on_queue_table_sort_clicked(self, event: QueueTable.SortClicked) -> None:
        self.heard.append(("sort", event.field))


def shown(table: QueueTable[Row]) -> list[str]:
    """The lines of the table as they stand on the screen."""
    return [table.render_line(y).text for y in range(table.size.height)]


def cursor_line(table: QueueTable[Row]) -> int:
    (line,) = [y for y, text in enumerate(shown(table)) if CURSOR in text]
    return line


@contextmanager
def repainted(table: QueueTable[Row]) -> Iterator[list[Region | None]]:
    """The regions that are refreshed meanwhile; None stands for the whole widget."""
    regions: list[Region | None] = []
    refresh = table.refresh

    def noted(*some: Region, **options: Any) -> Any:
        regions.extend(some or (None,))
        return refresh(*some, **options)

    with pytest.MonkeyPatch.context() as spying:
        spying.setattr(table, "refresh", noted)
        yield regions


async def settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_only_the_rows_in_sight_are_asked_for(size: tuple[int, int]) -> None:
    app = TableApp(Rows(range(100_000)))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert app.source.asked == set(range(size[1] - 1))
        await pilot.press("G")
        await settled(pilot)
        assert "99999" in shown(app.table)[-1]
        assert CURSOR in shown(app.table)[-1]
        assert app.table.cursor_id == "99999"
        assert len(app.source.asked) < 3 * size[1]
        assert all(len(line) == size[0] for line in shown(app.table))


@pytest.mark.parametrize("size", SIZES)
async def test_the_keys_move_the_cursor(size: tuple[int, int]) -> None:
    app = TableApp(Rows(range(100_000)))
    page = size[1] - 1
    moves = [
        ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("k", 0), ("pagedown", page), ("pageup", 0),
        ("ctrl+d", round(page / 2)), ("ctrl+u", 0), ("G", 99_999), ("home", 0), ("end", 99_999), ("g", 0),
    ]  # fmt: skip
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for key, place in moves:
            await pilot.press(key)
            assert app.table.cursor == place, key
            assert app.table.top <= place < app.table.top + page, key
        assert [id for id in app.followed if id] == [str(n) for n in [0, *_changes([p for _, p in moves], 0)]]


def _changes(places: list[int], before: int) -> Iterator[int]:
    for place in places:
        if place != before:
            yield place
        before = place


async def test_a_step_repaints_two_lines_and_an_edge_jumps_half_a_page() -> None:
    app = TableApp(Rows(range(1000)))
    async with app.run_test(size=(120, 41)) as pilot:
        await settled(pilot)
        with repainted(app.table) as regions:
            await pilot.press("j")
            assert [r and (r.y, r.height) for r in regions] == [(1, 1), (2, 1)]
        app.table.move_to(39)
        await settled(pilot)
        assert app.table.top == 0
        await pilot.press("j")
        assert app.table.top == 20
        assert cursor_line(app.table) == 1 + 20


async def test_what_looks_the_same_is_not_repainted() -> None:
    app = TableApp(Rows(range(1000)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        with repainted(app.table) as regions:
            app.table.refresh_rows()
            app.table.reload(Rows(range(1000)), cursor=0)
            app.table.sorted_by("", False)
        assert regions == []
        with repainted(app.table) as regions:
            app.table.marks = {"3", "700"}
        assert [r and r.y for r in regions] == [4]


async def test_the_cursor_keeps_its_row_and_its_place_on_the_screen_when_others_come_and_go() -> None:
    ids = [str(n) for n in range(1000, 2000)]
    app = TableApp(Rows(ids))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.table.move_to(100)
        app.table.move_to(90)
        line = cursor_line(app.table)
        assert app.table.cursor_id == "1090"
        with repainted(app.table) as regions:
            app.table.reload(Rows(["new1", "new2", *ids]), cursor=92)
        assert cursor_line(app.table) == line
        assert app.table.cursor_id == "1090"
        assert regions == []
        app.table.reload(Rows(["new1", "new2", *(id for id in ids if id != "1090")]))
        assert cursor_line(app.table) == line
        assert app.table.cursor_id == "1091"


async def test_the_list_may_shrink_to_nothing_and_grow_again() -> None:
    app = TableApp(Rows(range(500)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("G")
        app.table.reload(Rows(range(3)))
        assert app.table.cursor_id == "2"
        assert app.table.top == 0
        app.table.reload(Rows([]))
        assert app.table.cursor_id is None
        assert any("Nothing waits." in line for line in shown(app.table))
        await pilot.press("j", "k", "G", "g", "enter", "J", "pagedown")
        assert app.heard == []
        app.table.reload(Rows(range(3)), cursor=0)
        await settled(pilot)
        assert app.table.cursor_id == "0"
        assert not any("Nothing waits." in line for line in shown(app.table))


async def test_rows_on_their_way_leave_the_old_page_up_and_are_then_asked_for_once() -> None:
    app = TableApp(Rows(range(10_000)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.source.missing = set(range(100, 10_000))
        before = shown(app.table)
        app.table.move_to(5000)
        assert shown(app.table) == before
        assert app.table.cursor_id is None
        app.table.action_move(1)
        await settled(pilot)
        (asked,) = app.heard
        assert set(app.table.on_screen) <= set(asked.rows)
        assert len(asked.rows) < 100
        app.source.missing = set()
        app.table.refresh_rows()
        assert "5001" in shown(app.table)[cursor_line(app.table)]
        assert app.table.cursor_id == "5001"


async def test_rows_that_stay_away_are_drawn_as_quiet_dots() -> None:
    app = TableApp(Rows(range(10_000)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.source.missing = {10}
        app.table.refresh_rows()
        while "·" not in shown(app.table)[11]:
            await pilot.pause(0.01)
        assert "user9@" in shown(app.table)[10]
        assert "user" not in shown(app.table)[11]


async def test_marks_and_cursor_are_seen_without_colours() -> None:
    app = TableApp(Rows(range(50)))
    async with app.run_test(size=(80, 24)) as pilot:
        app.table.marks = {"0", "2"}
        await settled(pilot)
        lines = shown(app.table)
        assert lines[1].startswith(f" {CURSOR}{MARK} ")
        assert lines[2].startswith("    ")
        assert lines[3].startswith(f"  {MARK} ")


async def test_a_range_is_marked_with_shift_and_ends_with_a_plain_move() -> None:
    app = TableApp(Rows(range(50)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "J", "shift+down", "K", "j", "K")
        assert app.heard == [range(1, 3), range(1, 4), range(1, 3), range(2, 4)]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (120, ["ID", "Age▾", "From", "Size", "Reason"]),
        (75, ["Age▾", "From", "Size", "Reason"]),
        (64, ["Age▾", "From", "Reason"]),
        (50, ["Age▾", "From"]),
        (20, ["Age▾", "From"]),
    ],
)
async def test_columns_give_way_in_the_order_of_their_rank(width: int, columns: list[str]) -> None:
    app = TableApp(Rows(range(50)))
    async with app.run_test(size=(width, 24)) as pilot:
        app.table.sorted_by("age", True)
        await settled(pilot)
        head = shown(app.table)[0]
        assert head.replace("…", "").split()[: len(columns)] == [c[: width - 14] for c in columns]
        assert all(len(line) == width for line in shown(app.table))


def test_what_is_left_over_goes_to_the_flexible_columns() -> None:
    assert sum(width + GAP for _, width in layout(COLUMNS, 140)) - GAP == 140
    assert [(c.id, w) for c, w in layout(COLUMNS[:2], 60)] == [("id", 11), ("age", 6)]


async def test_chosen_columns_stand_in_their_order() -> None:
    app = TableApp(Rows(range(5)))
    async with app.run_test(size=(120, 24)) as pilot:
        app.table.columns = [COLUMNS[2], COLUMNS[0]]
        await settled(pilot)
        assert shown(app.table)[0].split() == ["From", "ID"]
        assert shown(app.table)[1].split()[1:] == ["user0@isp.test", "0"]


async def test_the_mouse_moves_opens_marks_sorts_and_scrolls() -> None:
    app = TableApp(Rows(range(1000)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.click(app.table, offset=(30, 5))
        assert app.table.cursor_id == "4"
        await pilot.click(app.table, offset=(30, 7), times=2)
        await pilot.click(app.table, offset=(2, 9))
        await pilot.click(app.table, offset=(20, 0))
        await pilot.click(app.table, offset=(30, 8), shift=True)
        assert app.heard == ["6", ("mark", "8"), ("sort", "age"), range(6, 8)]
        app.table.show_from(3)
        assert app.table.top == 3
        await pilot.click(app.table, offset=(119, 38))
        assert app.table.top == 3 + 39


async def test_hostile_cells_stay_in_their_cells() -> None:
    hostile = "\x1b[2J[/x][red]\x9b\u202e\u200b漢字\n\x00"
    app = TableApp(Rows([hostile, "plain"]))
    async with app.run_test(size=(120, 24)) as pilot:
        await settled(pilot)
        line = app.table.render_line(1)
        assert line.text.isprintable()
        assert line.cell_length == 120 == sum(s.cell_length for s in line)
        assert "[/x][red]" in line.text

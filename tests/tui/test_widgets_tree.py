"""The tree as a person uses it: keys, folding, live counts that disturb nothing."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from mtatui.widgets.lines import CURSOR
from mtatui.widgets.queue_tree import Node, QueueTree

NODES = [
    Node("mx1", "mx1", 12_431, 0, expandable=True, expanded=True),
    Node("active", "Queued", 18, 1, expandable=True, glyph="●"),
    Node("corrupt", "Corrupted", 1, 1, glyph="✖", role="danger"),
    Node("deferred", "Deferred", 9_870, 1, expandable=True, expanded=True, glyph="◐"),
    Node("deferred/reason", "by reason", None, 2, expandable=True, expanded=True, selectable=False),
    Node("deferred/reason/timeout", "timeout", 3_214, 3),
    Node("deferred/reason/long", "a reason that is much longer than the pane is wide", 2_052, 3),
    Node("deferred/domain", "by domain", None, 2, expandable=True, selectable=False),
    Node("incoming", "Incoming", 0, 1, glyph="○"),
    Node("mx3", "mx3", "no answer", 0, expandable=True),
]


class TreeApp(App[None]):
    CSS = "QueueTree { width: 30; }"

    def __init__(self) -> None:
        super().__init__()
        self.pane = QueueTree(NODES)
        self.heard: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def on_queue_tree_selected(self, event: QueueTree.Selected) -> None:
        self.heard.append(("selected", event.key))

    def on_queue_tree_expanded(self, event: QueueTree.Expanded) -> None:
        self.heard.append(("expanded", event.key))

    def on_queue_tree_collapsed(self, event: QueueTree.Collapsed) -> None:
        self.heard.append(("collapsed", event.key))


def shown(tree: QueueTree) -> list[str]:
    return [tree.render_line(y).text for y in range(len(tree.nodes))]


async def test_labels_indent_and_counts_stand_right() -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.chosen = "deferred/reason/timeout"
        await pilot.pause()
        assert [line.rstrip() for line in shown(app.pane)] == [
            "▶▾ mx1               12,431",
            "   ● Queued              18",
            "   ✖ Corrupted            1",
            "   ◐ Deferred         9,870",
            "     ▾ by reason",
            "       timeout        3,214 ◂",
            "       a reason that… 2,052",
            "     ▸ by domain",
            "   ○ Incoming             0",
            " ▸ mx3            no answer",
        ]
        assert {len(line) for line in shown(app.pane)} == {30}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_keys_walk_fold_and_choose(size: tuple[int, int]) -> None:
    app = TreeApp()
    async with app.run_test(size=size) as pilot:
        await pilot.press(
            "j", "j", "j", "enter", "right", "right", "enter", "j", "right", "left", "left", "enter"
        )
        await pilot.press("G", "right", "g", "k", "left")
        assert app.heard == [
            ("selected", "deferred"),
            ("selected", "deferred/reason/timeout"),
            ("collapsed", "deferred/reason"),
            ("collapsed", "deferred/reason"),
            ("expanded", "mx3"),
            ("collapsed", "mx1"),
        ]


async def test_a_count_that_changes_repaints_its_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        regions: list[Region] = []

        def noted(*some: Region, **options: Any) -> QueueTree:
            regions.extend(some)
            return app.pane

        monkeypatch.setattr(app.pane, "refresh", noted)
        app.pane.nodes = list(NODES)
        assert regions == []
        app.pane.nodes = [*NODES[:3], Node("deferred", "Deferred", 9_871, 1, glyph="◐"), *NODES[4:]]
        assert [region.y for region in regions] == [3]


async def test_the_cursor_stays_on_its_node_when_others_come_and_go() -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.move_to(8)
        app.pane.nodes = [*NODES[:4], *NODES[8:]]
        await pilot.pause()
        assert app.pane.cursor_key == "incoming"
        assert CURSOR in shown(app.pane)[4]
        app.pane.nodes = NODES[:2]
        assert app.pane.cursor_key == "active"
        app.pane.nodes = []
        assert app.pane.cursor_key is None
        await pilot.press("enter", "left", "right", "j", "k", "G")
        assert app.heard == []


async def test_the_mouse_folds_at_the_arrow_and_chooses_elsewhere() -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(app.pane, offset=(1, 0))
        await pilot.click(app.pane, offset=(10, 5))
        await pilot.click(app.pane, offset=(10, 7))
        assert app.heard == [
            ("collapsed", "mx1"),
            ("selected", "deferred/reason/timeout"),
            ("expanded", "deferred/domain"),
        ]


async def test_hostile_labels_neither_steer_nor_overflow() -> None:
    app = TreeApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.nodes = [
            Node("x", "\x1b[2J[/x]\u202e漢字漢字漢字漢字漢字漢字\n", 3, 3),
            Node("y", "", "\x1b]0;x\x07", 0),
        ]
        await pilot.pause()
        for y in (0, 1):
            strip = app.pane.render_line(y)
            assert strip.text.isprintable()
            assert strip.cell_length == 30 == sum(segment.cell_length for segment in strip)

"""Detail pane, filter bar, header, footer and dialogs, as a person sees and uses them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Button, Input

from mtatui.queue.message import Message, Recipient, State
from mtatui.verbs import ALL
from mtatui.widgets.detail import MessageDetail
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.filter_bar import FilterBar
from mtatui.widgets.footer import KeyFooter, cap
from mtatui.widgets.header import PageHeader
from mtatui.widgets.lines import Lines

NOW = 1_790_000_000.0
TIMEOUT = "connect to mx.shop34.test[198.51.100.7]:25: Connection timed out"
MESSAGE = Message(
    "39B8DA804F9", State.DEFERRED, int(NOW) - 8 * 3600, 12_288, int(NOW) + 18 * 60, "user324@uni5.test",
    "203.0.113.12", "host-12.isp.test", "host-12.isp.test", "user324", "",
    (
        Recipient("r7766@shop34.test", TIMEOUT, "4.4.1"),
        Recipient("r1@shop34.test", TIMEOUT, "4.4.1"),
        Recipient("full@isp5.test", "452 4.2.2 mailbox full", "4.2.2", original="boss@isp5.test"),
        Recipient("served@isp5.test", "", "2.0.0", done=True),
    ),
)  # fmt: skip
HOSTILE = "\x1b[2J[/x][red]\x9b\u202e\u200b\x00\n"


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """The same clock for every developer."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


class OneApp(App[None]):
    """An app of one widget, which writes down what it says."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.heard: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self.heard.append(event.text)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        self.heard.append(("kept", event.text))

    def on_filter_bar_dismissed(self) -> None:
        self.heard.append("left")

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        self.heard.append(event.action)

    def on_page_header_page_clicked(self, event: PageHeader.PageClicked) -> None:
        self.heard.append(event.page)


def shown(widget: Lines) -> list[str]:
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


# -- the detail pane


async def test_the_detail_tells_envelope_and_every_recipient_with_its_reason() -> None:
    detail = MessageDetail()
    detail.styles.height = 10
    app = OneApp(detail)
    async with app.run_test(size=(120, 24)) as pilot:
        detail.show(MESSAGE, now=NOW, expires=NOW + 4 * 86400, note="3,213 messages wait for the same reason")
        await pilot.pause()
        assert [line.replace("▐", "").rstrip() for line in shown(detail)] == [
            " 39B8DA804F9 ◐ deferred · arrived today 06:13, 8h · retry in 18m · expires Fri 14:13",
            " from   user324@uni5.test   login  user324   size  12 K"
            "   origin  host-12.isp.test [203.0.113.12]",
            " to     r7766@shop34.test                4.4.1 " + TIMEOUT,
            "        r1@shop34.test",
            "        full@isp5.test ← boss@isp5.test  452 4.2.2 mailbox full",
            "        served@isp5.test                 ✓ served",
            "        3,213 messages wait for the same reason",
            "",
            "",
            "",
        ]


async def test_where_it_is_narrow_the_reason_stands_below_and_nothing_is_cut() -> None:
    detail = MessageDetail(whole=True)
    detail.styles.height = 24
    app = OneApp(detail)
    async with app.run_test(size=(50, 24)) as pilot:
        detail.show(MESSAGE, now=NOW)
        await pilot.pause()
        text = " ".join(" ".join(shown(detail)).split())
        assert "4.4.1 connect to mx.shop34.test[198.51.100.7]:25: Connection timed out" in text
        assert "host-12.isp.test [203.0.113.12]" in text
        assert "…" not in text


@pytest.mark.parametrize("whole", [True, False])
async def test_many_recipients_of_one_reason_are_counted_in_the_pane_and_named_on_the_screen(
    whole: bool,
) -> None:
    many = tuple(Recipient(f"r{n}@list.test", TIMEOUT, "4.4.1") for n in range(2000))
    detail = MessageDetail(whole=whole)
    app = OneApp(detail)
    async with app.run_test(size=(120, 24)) as pilot:
        detail.show(Message("A1B2C", State.HOLD, 1, 1, 1, "", recipients=many), now=NOW)
        await pilot.pause()
        assert "A1B2C ‖ on hold" in shown(detail)[0]
        assert "<>" in shown(detail)[1]
        if whole:
            assert detail.line_count() > 2000
            detail.focus()
            await pilot.press("G")
            assert "r1999@list.test" in shown(detail)[-1]
        else:
            assert detail.line_count() < 10
            assert "1,998 more…" in "\n".join(shown(detail))


async def test_the_same_message_repaints_what_changed_and_another_begins_at_its_top(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detail = MessageDetail(whole=True)
    app = OneApp(detail)
    async with app.run_test(size=(50, 24)) as pilot:
        detail.show(MESSAGE, now=NOW)
        detail.focus()
        await pilot.press("j", "j")
        assert detail.top == 2
        regions: list[Region] = []

        def noted(*some: Region, **options: Any) -> MessageDetail:
            regions.extend(some)
            return detail

        with monkeypatch.context() as spying:
            spying.setattr(detail, "refresh", noted)
            detail.show(MESSAGE, now=NOW + 5)
        assert regions == []
        assert detail.top == 2
        detail.show(Message("B2C3D", State.ACTIVE, 1, 1, 1, ""), now=NOW)
        assert detail.top == 0
        detail.show(None, now=NOW)
        await pilot.pause()
        assert set(shown(detail)) == {""}


async def test_hostile_envelopes_neither_steer_nor_overflow() -> None:
    long = HOSTILE + "x" * 64_000 + "@" + "漢" * 2000
    message = Message(
        "39B8DA804F9", State.CORRUPT, 1, 1, 1, long, HOSTILE, HOSTILE, long, HOSTILE, HOSTILE,
        (Recipient(long, long, HOSTILE, False, long), Recipient(HOSTILE, HOSTILE)),
    )  # fmt: skip
    detail = MessageDetail()
    detail.styles.height = 30
    app = OneApp(detail)
    async with app.run_test(size=(80, 40)) as pilot:
        detail.show(message, now=NOW, note=HOSTILE)
        await pilot.pause()
        assert detail.line_count() < 60
        for y in range(30):
            strip = detail.render_line(y)
            assert strip.text.isprintable()
            assert strip.cell_length == 80 == sum(segment.cell_length for segment in strip)


# -- the filter bar


async def test_a_query_is_written_kept_left_and_found_again() -> None:
    bar = FilterBar()
    app = OneApp(bar)
    async with app.run_test(size=(80, 24)) as pilot:
        bar.ask()
        await pilot.press("t", "o", "enter")
        await pilot.press("x", "escape")
        await pilot.pause()
        assert app.heard == ["t", "to", ("kept", "to"), "tox", "left", "to"]
        assert bar.value == "to"
        await pilot.press("ctrl+u", "a", "enter", "up", "up")
        assert bar.value == "to"
        await pilot.press("down", "down", "down")
        assert bar.value == ""
        assert bar.history == ["to", "a"]


async def test_a_mistake_is_named_and_underlined_at_its_place() -> None:
    bar = FilterBar()
    app = OneApp(bar)
    async with app.run_test(size=(80, 24)) as pilot:
        bar.keep("form:x to:y")
        bar.show_count("3 of 12")
        await pilot.pause()
        matches = bar.query_one("#matches", Lines)
        assert shown(matches)[0].endswith("3 of 12")
        bar.show_mistake("no field “form”", 0, 4)
        await pilot.pause()
        await pilot.pause()
        assert "✖ no field “form”" in shown(matches)[0]
        query = bar.query_one(Input).render_line(0)
        assert "".join(s.text for s in query if s.style and s.style.underline) == "form"
        bar.show_count("3 of 12")
        assert "✖" not in shown(matches)[0]


async def test_what_is_pasted_cannot_steer() -> None:
    bar = FilterBar()
    app = OneApp(bar)
    async with app.run_test(size=(80, 24)) as pilot:
        bar.keep(HOSTILE)
        bar.show_mistake(HOSTILE)
        await pilot.pause()
        assert bar.value.isprintable()
        bar.query_one(Input).insert_text_at_cursor("\x1b]0;x\x07")
        assert bar.value.isprintable()
        assert bar.query_one("#matches", Lines).render_line(0).text.isprintable()


# -- header and footer

PAGES = [("in", "Inbound"), ("out", "Outbound"), ("filtering", "Antispam & AV"), ("queue", "Queue")]


@pytest.mark.parametrize(
    ("width", "seen", "unseen"),
    [
        (120, ["mtatui", "mx1.example.test", "Inbound", "[Queue]", "scan 15:20:03 · live"], []),
        (80, ["mtatui", "mx1.example.test", "[Queue]", "scan 15:20:03 · live"], ["Inbound"]),
        (50, ["mx1.example.test", "[Queue]", "scan 15:20:03 · live"], ["mtatui", "Inbound"]),
        (34, ["mx1.example.test", "[Queue]"], ["mtatui", "Inbound", "scan"]),
    ],
)
async def test_the_header_says_less_where_it_is_narrow(
    width: int, seen: list[str], unseen: list[str]
) -> None:
    header = PageHeader()
    app = OneApp(header)
    async with app.run_test(size=(width, 24)) as pilot:
        notes = [("scan 15:20:03 · live", "dim")]
        header.show(server="mx1.example.test", pages=PAGES, page="queue", notes=notes)
        await pilot.pause()
        (line,) = shown(header)
        assert [part for part in seen if part not in line] == []
        assert [part for part in unseen if part in line] == []
        await pilot.click(header, offset=(line.index("[Queue]") + 3, 0))
        assert app.heard == ["queue"]


async def test_of_more_notes_than_there_is_room_for_the_serious_ones_stay() -> None:
    header = PageHeader()
    app = OneApp(header)
    async with app.run_test(size=(80, 24)) as pilot:
        notes = [
            ("✖ lint  ", "danger"), ("●1 ", ""), ("✖2 ", "danger"), ("◐0 ", "dim"), ("‖339 ", "warning"),
            ("? 1 asking ", "warning"), ("✖ 1 silent ", "danger"), ("✖ 1 stopped · ", "danger"),
            ("07:14:55 · 3 live", "dim"),
        ]  # fmt: skip
        header.show(server="15 servers", pages=PAGES, page="queue", notes=notes)
        await pilot.pause()
        (line,) = shown(header)
        assert line.startswith(" 15 servers  [Queue] ")
        assert line.endswith("  ✖ lint  ●1 ✖2 ◐0 ‖339 ? 1 asking ✖ 1 silent ✖ 1 stopped")
        await pilot.resize_terminal(60, 24)
        await pilot.pause()
        (line,) = shown(header)
        assert line.endswith("  ✖ lint  ✖2 ✖ 1 silent ✖ 1 stopped")


async def test_the_footer_drops_what_matters_least_and_keeps_help() -> None:
    footer = KeyFooter()
    app = OneApp(footer)
    names = ["hold", "release", "requeue", "delete", "bounce", "filter", "mark-all", "flush", "quit", "help"]
    async with app.run_test(size=(60, 24)) as pilot:
        footer.show([(ALL[name], name != "bounce") for name in names])
        await pilot.pause()
        (line,) = shown(footer)
        assert line.startswith(" h Hold  l Release  r Requeue  d Delete  b Bounce ")
        assert line.endswith(" ? Help")
        assert "Quit" not in line
        dim = footer.role("dim")
        assert "b Bounce" in "".join(s.text for s in footer.render_line(0) if s.style == dim)
        await pilot.click(footer, offset=(line.index("Delete"), 0))
        assert app.heard == ["delete"]


def test_keys_are_written_as_they_stand_on_the_keyboard() -> None:
    assert [cap(keys) for keys in ("slash", "ctrl+q", "question_mark,f1", "F", "escape", "shift+tab")] == [
        "/", "^q", "?", "F", "esc", "⇧tab",
    ]  # fmt: skip


# -- dialogs


class Asking(App[None]):
    def __init__(self, typed: str = "") -> None:
        super().__init__()
        self.typed = typed
        self.answers: list[bool | None] = []

    def on_mount(self) -> None:
        lines = ["3,301 recipients at 214 domains", "Runs: postsuper -d - [/x]" + HOSTILE]
        self.push_screen(
            ConfirmDialog("Delete [/b] 3,214" + HOSTILE, lines, act="Delete", typed=self.typed),
            self.answers.append,
        )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], None),
        (["escape"], None),
        (["right", "enter"], True),
        (["tab", "enter"], True),
        (["right", "left", "enter"], None),
    ],
)
async def test_cancel_has_the_focus(size: tuple[int, int], keys: list[str], answer: bool | None) -> None:
    app = Asking()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        assert app.answers == [answer]


@pytest.mark.parametrize(
    ("keys", "answers"),
    [
        (["3", "2", "1", "4", "enter", "enter"], [True]),
        (["3", "comma", "2", "1", "4", "enter", "enter"], [True]),
        (["3", "2", "1", "enter", "enter"], []),
        (["3", "2", "1", "5", "tab", "enter"], [None]),
        (["enter"], [None]),
        (["3", "2", "1", "4", "escape"], [None]),
    ],
)
async def test_a_large_act_wants_the_count_typed(keys: list[str], answers: list[bool | None]) -> None:
    app = Asking("3214")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.screen.query_one("#act", Button).disabled
        await pilot.press(*keys)
        await pilot.pause()
        assert app.answers == answers

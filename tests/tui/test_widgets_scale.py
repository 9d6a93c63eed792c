"""The scale of spam scores: both marks always stand on it, where they are, whatever its width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtatui.text import cells
from mtatui.widgets.lines import Piece
from mtatui.widgets.scale import Marks, picture, points, share


def lines(marks: Marks, width: int) -> list[str]:
    """The picture without its roles."""
    return ["".join(text for text, _ in line) for line in picture(marks, width)]


def test_a_scale() -> None:
    assert lines(Marks(33, 75, "discarded", "tag"), 44) == [
        "    delivered       marked     discarded",
        "0 ─────────────◆══════════════┼▒▒▒▒▒▒▒▒▒▒ 20",
        "        tag 6.6 = 33 %  kill 15 = 75 %",
    ]


def test_the_mark_that_moves_stands_out_by_its_sign_and_its_role() -> None:
    bar: list[Piece] = picture(Marks(33, 75, moving="kill"), 60)[1]
    assert [piece for piece in bar if piece[0] in "◆┼"] == [("┼", ""), ("◆", "accent")]
    assert ("◆", "accent") in picture(Marks(33, 33, moving="tag"), 60)[1]


def test_mail_that_is_stopped_before_it_would_be_marked() -> None:
    names, bar, labels = lines(Marks(80, 30, "rejected"), 60)
    assert "marked" not in names
    assert "═" not in bar
    assert bar.count("┼") == 2
    assert labels.index("kill 6 = 30 %") < labels.index("tag 16 = 80 %")


def test_points_and_shares_keep_their_decimals() -> None:
    assert [points(33), points(75), points(33.335)] == ["6.6", "15", "6.67"]
    assert [share(33), share(33.5)] == ["33 %", "33.5 %"]


@given(
    tag=st.floats(0, 100),
    kill=st.floats(0, 100),
    width=st.integers(30, 200),
    moving=st.sampled_from(["", "tag"]),
)
def test_nothing_is_cut_and_nothing_overlaps(tag: float, kill: float, width: int, moving: str) -> None:
    names, bar, labels = lines(Marks(tag, kill, "discarded", moving), width)
    assert cells(bar) == width
    assert cells(names) <= width
    assert cells(labels) <= width
    assert f"tag {points(tag)} " in f"{labels} "
    assert f"kill {points(kill)} " in f"{labels} "
    assert bar.count("◆") == (moving == "tag")

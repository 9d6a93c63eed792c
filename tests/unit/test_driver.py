"""What goes to the terminal in fewer bytes must look the same there."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mtatui.driver import thrifty

RED, GREEN, BLACK, BLUE = "38;2;255;0;0", "38;2;0;255;0", "48;2;0;0;0", "48;2;0;0;255"
styles = st.sampled_from(
    [
        "",
        "1",
        "7",
        "1;31",
        RED,
        BLACK,
        f"{RED};{BLACK}",
        f"{GREEN};{BLACK}",
        f"{RED};{BLUE}",
        f"1;{RED};{BLUE}",
    ]
)
pieces = st.tuples(st.sampled_from(["", "\r\n", "\x1b[4;7H"]), styles, st.text("ab m;[0", max_size=4))


def written(frame: list[tuple[str, str, str]]) -> str:
    """As Textual writes it: a move, a style, a text, the end of the style."""
    return "".join(
        f"{move}\x1b[{style}m{text}\x1b[0m" if style else move + text for move, style, text in frame
    )


def cells(frame: str) -> list[tuple[str, frozenset[str]]]:
    """Every character and move, with the style in force."""
    found, style = [], set[str]()
    for match in re.finditer(r"\x1b\[([0-9;]*)([mH])|(.)", frame, re.DOTALL):
        if match[2] == "m":
            for one in re.findall(r"[34]8;2;\d+;\d+;\d+|\d+", match[1]):
                if one == "0":
                    style = set()
                elif one[0] in "34":
                    style = {o for o in style if o[0] != one[0]} | {one}
                else:
                    style = style | {one}
        else:
            found.append((match[0], frozenset(style) if match[3] else frozenset()))
    return found


@given(st.lists(pieces))
def test_a_frame_looks_the_same(frame: list[tuple[str, str, str]]) -> None:
    assert cells(thrifty(written(frame))) == cells(written(frame))


def test_a_ground_that_stays_is_said_once() -> None:
    frame = written(
        [("\x1b[1;1H", f"{RED};{BLACK}", "a"), ("", f"{GREEN};{BLACK}", "b"), ("", f"1;{RED};{BLACK}", "c")]
    )
    assert (
        thrifty(frame) == f"\x1b[1;1H\x1b[{RED};{BLACK}ma\x1b[{GREEN}mb\x1b[0m\x1b[1;{RED};{BLACK}mc\x1b[0m"
    )

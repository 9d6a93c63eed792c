"""The scale of spam scores with its two marks: from one on mail is marked, from the other on it is stopped.

SpamAssassin's score of 20 points is 100 % here.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtatui.text import cells
from mtatui.widgets.lines import Piece

#: What 100 % are, in points.
POINTS = 20
#: How the bar is drawn where mail passes, is marked, is stopped: told apart without colours, too.
_BARS = (("─", ""), ("═", "warning"), ("▒", "danger"))
_MOVING, _STANDING = ("◆", "accent"), ("┼", "")
#: Cells between two labels.
_GAP = 2
_LEFT, _RIGHT = "0 ", f" {POINTS}"


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the two marks stand, in percent, and what becomes of mail beyond the second."""

    tag: float
    kill: float
    fate: str = "stopped"
    """``discarded``, ``rejected`` …"""
    moving: str = ""
    """The mark that is being edited: ``tag`` or ``kill``."""


def points(percent: float) -> str:
    """A share of the scale in points: ``6.6``, ``15``."""
    return f"{percent * POINTS / 100:.2f}".rstrip("0").rstrip(".")


def share(percent: float) -> str:
    """``33 %``, ``33.5 %``."""
    return f"{percent:.1f}".rstrip("0").rstrip(".") + " %"


def picture(marks: Marks, width: int) -> list[list[Piece]]:
    """The scale in three lines of so many cells: what becomes of mail, the bar, the marks."""
    room = max(width - len(_LEFT) - len(_RIGHT), 10)
    tag, kill = _place(marks.tag, room), _place(marks.kill, room)
    zones = [(0, min(tag, kill), "delivered"), (min(tag, kill), kill, "marked"), (kill, room, marks.fate)]
    names: list[tuple[int, str, str]] = []
    bar: list[Piece] = []
    for (start, stop, name), (glyph, role) in zip(zones, _BARS, strict=True):
        bar += [(glyph, role)] * (stop - start)
        if cells(name) < stop - start:
            names.append((start + (stop - start - cells(name) + 1) // 2, name, role or "dim"))
    told = []
    for mark, place, percent in (("tag", tag, marks.tag), ("kill", kill, marks.kill)):
        moving = mark == marks.moving
        if bar[place] != _MOVING:  # of two on one place the one that moves is seen
            bar[place] = _MOVING if moving else _STANDING
        told.append((place, f"{mark} {points(percent)} = {share(percent)}", "accent" if moving else ""))
    if sum(cells(text) for _, text, _ in told) + _GAP > (beneath := room + len(_RIGHT)):
        told = [(place, text.partition(" = ")[0], role) for place, text, role in told]
    return [_laid(names), [(_LEFT, "dim"), *bar, (_RIGHT, "dim")], _laid(_apart(told, beneath))]


def _place(percent: float, room: int) -> int:
    return min(max(round(percent / 100 * (room - 1)), 0), room - 1)


def _apart(told: list[tuple[int, str, str]], room: int) -> list[tuple[int, str, str]]:
    """Two labels, each with its middle under its place; as far apart as they must be, the left one first."""
    left, right = sorted(told, key=lambda one: one[0])
    first, second = left[0] - cells(left[1]) // 2, right[0] - cells(right[1]) // 2
    overlap = max(first + cells(left[1]) + _GAP - second, 0)
    first = max(min(first - overlap // 2, room - cells(left[1]) - _GAP - cells(right[1])), 0)
    second = min(max(second + overlap - overlap // 2, first + cells(left[1]) + _GAP), room - cells(right[1]))
    return [(first, *left[1:]), (second, *right[1:])]


def _laid(texts: list[tuple[int, str, str]]) -> list[Piece]:
    """Texts at their places, counted from where the bar begins."""
    pieces: list[Piece] = []
    at = -len(_LEFT)
    for place, text, role in texts:
        pieces += [(" " * (place - at), ""), (text, role)]
        at = place + cells(text)
    return pieces

"""Pictures of the terminal face, held against those that were accepted.

Look at each before you accept it (``--snapshot-update``): calm, aligned, nothing cut off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from tests.tui.hands import Hands

Snap = Callable[..., bool]
"""The fixture ``snap_compare``."""
Scene = Callable[[Hands], Awaitable[None]]
"""What a person does until there is what the picture shows."""

SMALL, LARGE = (80, 24), (120, 40)
both_sizes = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
both_themes = pytest.mark.parametrize("theme", ["textual-dark", "ansi-dark"])


def pictured(snap: Snap, app: MtatuiApp, size: tuple[int, int], scene: Scene) -> bool:
    """Play a scene from the start; whether it looks at its end as in the picture that was accepted."""

    async def play(pilot: Pilot[None]) -> None:
        hands = Hands(app, pilot)
        await scene(hands)
        await pilot.pause()

    try:
        return snap(app, terminal_size=size, run_before=play)
    finally:
        app.fleet.close()

"""What tests of the terminal face ask for by name: a clock that stands still, and nobody who disturbs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.tui.still import NOW


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """It is Sunday 22 November 2026, 15:20:00 UTC, and stays so; the terminal has colours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr(time, "time", lambda: float(NOW))
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes by itself a while after the start."""
    monkeypatch.setattr("mtatui.app.IDLE", 3600)

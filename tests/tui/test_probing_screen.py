"""A probe on the screen: what it will do, each message as it goes, what came of it; the prober only plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mtatui.backends.host import HostError
from mtatui.backends.probing import Probed, ProbePlan, Prober, Refused, Row
from mtatui.backends.probing.letters import Kind
from mtatui.backends.probing.verdicts import Verdict
from mtatui.screens.probing import ProbingScreen
from mtatui.settings.current import Reading
from mtatui.settings.plan import Probe
from tests.tui.hands import Hands, at_keyboard
from tests.tui.pictures import both_sizes
from tests.tui.still import StillServer, rows

ROWS = (
    Row(Kind.CLEAN, "it arrives"),
    Row(Kind.VIRUS, "a virus is discarded", "EICAR"),
    Row(Kind.SPAM, "nothing (that is off)", "GTUBE"),
    Row(
        Kind.SIGNED, "its signature is verified", state="left out", happened="no key of this server is known"
    ),
)
ENDS = {
    Kind.CLEAN: (Verdict.KEPT, "amavis found it clean, arrived, and was thrown away there"),
    Kind.VIRUS: (Verdict.BROKEN, "amavis found it clean, arrived; it was not found"),
    Kind.SPAM: (Verdict.NOTHING, "amavis found spam, discarded"),
}


class StillProber(Prober):
    """A prober that sends nothing; what it is told to say, it says."""

    def __init__(self) -> None:
        self.refuses: HostError | None = None
        self.fails: HostError | None = None
        self.go = asyncio.Event()
        self.cancelled = False
        self.sent = 0

    async def plan(self, to: str = "") -> ProbePlan:
        if self.refuses is not None:
            raise self.refuses
        listener = Probe("smtp", "smtp", "127.0.0.1", 25)
        says = ("4 messages go through 127.0.0.1:25 (smtp) to double-bounce@mx1.example.test.",)
        return ProbePlan("nobody@mx1", listener, True, ROWS, says, Reading("mx1", 0.0, {}), (), {})

    async def run(self, plan: ProbePlan, progress: Callable[[Row], None] = lambda row: None) -> Probed:
        self.sent += 1
        if self.fails is not None:
            raise self.fails
        progress(replace(ROWS[0], state="following"))
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        done = tuple(
            replace(row, state="done", verdict=ENDS[row.kind][0], happened=ENDS[row.kind][1])
            if row.kind in ENDS
            else row
            for row in plan.rows
        )
        return Probed(done, ("Test virus: in amavis's quarantine as 9/virus-95q0L.",), "", 2.4)


async def opened(hands: Hands, prober: StillProber) -> ProbingScreen:
    """The sheet, by its key, with what it will do."""
    hands.app.server.__dict__["prober"] = prober
    await hands.press("1")
    await hands.press("P")
    await hands.until(lambda: isinstance(hands.app.screen, ProbingScreen))
    screen = hands.app.screen
    assert isinstance(screen, ProbingScreen)
    await hands.until(lambda: screen.plan is not None or bool(screen.trouble))
    await hands.pilot.pause()
    return screen


@both_sizes
async def test_it_says_what_it_will_do_and_sends_only_when_told(size: tuple[int, int]) -> None:
    prober = StillProber()
    async with at_keyboard(StillServer(rows(3)), size=size, messages=3) as hands:
        await opened(hands, prober)
        text = hands.text()
        for words in ("go through 127.0.0.1:25", "Clean message", "it arrives", "no key of this server"):
            assert words in text
        assert "[ Cancel ]" in text
        await hands.press("enter")  # the harmless answer has the focus
        await hands.until(lambda: not isinstance(hands.app.screen, ProbingScreen))
        assert prober.sent == 0


@both_sizes
async def test_each_message_is_shown_as_it_goes_and_what_came_of_it(size: tuple[int, int]) -> None:
    prober = StillProber()
    async with at_keyboard(StillServer(rows(3)), size=size, messages=3) as hands:
        screen = await opened(hands, prober)
        await hands.press("right", "enter")
        await hands.until(lambda: "following" in hands.text())
        assert "[ Stop ]" in hands.text()
        prober.go.set()
        await hands.until(lambda: screen.probed is not None)
        await hands.until(lambda: "[ Close ]" in hands.text())
        text = " ".join(hands.text().split())
        assert "✔ Clean message" in text
        assert "✖ Test virus" in text
        assert "broken: amavis found it clean" in text
        assert "nothing promised: amavis found spam" in text
        await hands.press("end")
        assert "quarantine as 9/virus-95q0L" in hands.text()
        assert "Not everything that the settings promise was kept" in hands.text()
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ProbingScreen))


async def test_esc_stops_it_and_says_so_before_it_closes() -> None:
    prober = StillProber()
    async with at_keyboard(StillServer(rows(3)), messages=3) as hands:
        await opened(hands, prober)
        await hands.press("right", "enter")
        await hands.until(lambda: "following" in hands.text())
        await hands.press("escape")
        await hands.until(lambda: prober.cancelled)
        await hands.until(lambda: "It was stopped." in hands.text() and "[ Close ]" in hands.text())
        await hands.press("escape")
        await hands.until(lambda: not isinstance(hands.app.screen, ProbingScreen))


async def test_what_cannot_be_done_is_said() -> None:
    prober = StillProber()
    prober.refuses = Refused("No probe: mx1 is open read-only.")
    async with at_keyboard(StillServer(rows(3)), messages=3) as hands:
        await opened(hands, prober)
        assert "open read-only" in hands.text()
        assert "Send" not in hands.text()
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ProbingScreen))
        prober.refuses, prober.fails = None, HostError("The probe on mx1 failed: \x1b[2Jno python3")
        await opened(hands, prober)
        await hands.press("right", "enter")
        await hands.until(lambda: "no python3" in hands.text())
        assert "\x1b" not in hands.text()

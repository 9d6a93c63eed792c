"""What ssh asks on the way to a server: put to the person one at a time, answered or refused."""

from __future__ import annotations

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.host import Prompt
from mtatui.config import Config
from mtatui.fleet import Fleet, Questions
from mtatui.screens.asking import AskDialog
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands, started
from tests.tui.pictures import Snap, both_sizes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_fleet import AskingServer, looked_at, named

pytestmark = pytest.mark.usefixtures("stopped_clock")

PASSWORD = "root@mx2's password: "
HOST_KEY = (
    "The authenticity of host 'mx3.example.test (198.51.100.3)' can't be established.\n"
    "ED25519 key fingerprint is SHA256:GwS1pQ2Fq1mZxvYVGvRkQpN0n7o1m8fYwq2cJm0b5aE.\n"
    "This key is not known by any other names.\n"
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
)


class Asked:
    """A fleet in which some of its servers ask."""

    def __init__(self, *who: str) -> None:
        self.questions: Questions = Questions()
        self.mx2 = AskingServer(lambda: self._ask("mx2", PASSWORD, secret=True))
        self.mx3 = AskingServer(lambda: self._ask("mx3", HOST_KEY, confirm=True))
        asking = [named(name, server) for name, server in (("mx2", self.mx2), ("mx3", self.mx3))]
        servers = [named("mx1", StillServer(rows(40))), *(one for one in asking if one.name in who)]
        self.fleet = Fleet(servers, {}, self.questions)

    def _ask(self, server: str, text: str, *, secret: bool = False, confirm: bool = False) -> str | None:
        return self.questions.ask(Prompt(server, text, secret, confirm))


async def until_asked(hands: Hands, server: str) -> None:
    """Wait until a server's question stands there."""
    await hands.until(lambda: isinstance(hands.app.screen, AskDialog) and f"{server} asks" in hands.text())


async def test_a_password_is_asked_for_unseen_and_given() -> None:
    asked = Asked("mx2")
    async with started(asked.fleet) as hands:
        await until_asked(hands, "mx2")
        assert "root@mx2's password:" in hands.text()
        await hands.type("geheim")
        assert "geheim" not in hands.text()
        assert asked.fleet.condition("mx2").phase == "asking"
        await hands.press("enter")
        await hands.until(lambda: asked.mx2.heard == ["geheim"])
        assert not isinstance(hands.app.screen, AskDialog)


async def test_what_was_not_right_is_asked_again_and_told_so() -> None:
    asked = Asked("mx2")
    asked.mx2.ask = lambda: [asked._ask("mx2", PASSWORD, secret=True) for _ in range(2)][-1]
    async with started(asked.fleet, (80, 24)) as hands:
        await until_asked(hands, "mx2")
        assert "That was not it" not in hands.text()
        await hands.type("gehiem")
        await hands.press("enter")
        await hands.until(lambda: "✖ That was not it: ssh asks again." in hands.text())
        assert "•" not in hands.text()
        await hands.type("geheim")
        await hands.press("enter")
        await hands.until(lambda: asked.mx2.heard == ["geheim"])


async def test_a_new_host_key_is_looked_at_before_a_yes() -> None:
    asked = Asked("mx3")
    async with started(asked.fleet) as hands:
        await until_asked(hands, "mx3")
        assert "SHA256:GwS1pQ2Fq1mZxvYVGvRkQpN0n7o1m8fYwq2cJm0b5aE" in hands.text()
        await hands.press("right", "enter")
        await hands.until(lambda: asked.mx3.heard == ["yes"])


async def test_enter_without_looking_accepts_no_key() -> None:
    asked = Asked("mx3")
    async with started(asked.fleet) as hands:
        await until_asked(hands, "mx3")
        await hands.press("enter")
        await hands.until(lambda: asked.mx3.heard == [None])


async def test_several_ask_one_after_the_other() -> None:
    asked = Asked("mx2", "mx3")
    asked.mx3.gate.clear()
    async with started(asked.fleet) as hands:
        await until_asked(hands, "mx2")
        asked.mx3.gate.set()
        await hands.until(lambda: asked.fleet.condition("mx3").phase == "asking")
        assert "mx2 asks" in hands.text()
        await hands.press("escape")
        await until_asked(hands, "mx3")
        assert asked.mx2.heard == [None]
        await hands.press("escape")
        await hands.until(lambda: asked.mx3.heard == [None])


async def test_a_question_waits_until_another_dialog_is_closed() -> None:
    asked = Asked("mx2")
    asked.mx2.gate.clear()
    async with started(asked.fleet) as hands:
        await hands.app.push_screen(
            ConfirmDialog("Delete 3,214 messages", ["Sure?"], act="Delete", typed="3214")
        )
        asked.mx2.gate.set()
        await hands.until(lambda: asked.fleet.condition("mx2").phase == "asking")
        await hands.until(lambda: "Type 3214" in hands.text())
        await hands.type("32")
        assert "Type 3214" in hands.text()
        await hands.press("escape")
        await until_asked(hands, "mx2")
        await hands.press("escape")


async def test_who_leaves_has_answered_nobody() -> None:
    asked = Asked("mx2", "mx3")
    async with started(asked.fleet) as hands:
        await hands.until(lambda: isinstance(hands.app.screen, AskDialog))
    for server in (asked.mx2, asked.mx3):
        assert server.heard in ([], [None])


async def test_a_hostile_question_steers_no_terminal() -> None:
    asked = Asked("mx2")
    asked.mx2.ask = lambda: asked._ask(
        "mx2", "\x1b]0;pwned\x07[/x] say\r\n" + "very long " * 3000, secret=True
    )
    async with started(asked.fleet, (80, 24)) as hands:
        await until_asked(hands, "mx2")
        assert "\x1b" not in hands.text()
        assert "[ OK ]" in hands.text()
        await hands.press("escape")


@both_sizes
@pytest.mark.parametrize("which", ["mx2", "mx3"])
def test_picture(snap_compare: Snap, size: tuple[int, int], which: str) -> None:
    asked = Asked(which)
    app = MtatuiApp(asked.fleet, Config())

    async def play(hands: Hands) -> None:
        await hands.press("0")  # at once: what is typed later is meant for the question
        await until_asked(hands, which)
        await hands.until(lambda: asked.fleet.condition("mx1").phase == "live")
        await hands.until(lambda: asked.fleet.condition(which).phase == "asking")
        await looked_at(app)
        if which == "mx2":
            await hands.type("geheim")

    assert pictured(snap_compare, app, size, play)

"""The page Antispam & AV in a real terminal, over a real amavis: what hands do there, mail shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.stack.filtering import Filtering
from tests.stack.machine import ROOT, Machine, letter
from tests.tui.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.daemons]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


def test_a_change_by_hand_shows_in_mail_and_is_undone(machine: Machine) -> None:
    page = Filtering(machine)
    argv = machine.inside(["env", "-C", str(ROOT), sys.executable, "-m", "mtatui"])
    with Terminal(argv, columns=120, lines=40, cwd=str(ROOT)) as terminal:
        terminal.until("The queue is empty")
        terminal.send("3")
        # What Postfix does is there at once; what amavis does, when it has said so.
        terminal.until("***SPAM***")
        terminal.send("\r")
        terminal.until("[ OK ]")
        terminal.send("\x15")
        terminal.until(lambda screen: "[ ***" not in screen.text)
        terminal.send("[JUNK]\r")
        terminal.until("1 change staged")
        terminal.send("p")
        terminal.until("+$sa_spam_subject_tag = '[JUNK] ';")
        assert page.send({"spam": letter("gift", points=10)})["spam"].subject == "***SPAM*** gift"
        terminal.until("[ Apply ]")
        terminal.send("\t\r")
        terminal.until("[ Close ]")
        assert page.send({"spam": letter("gift", points=10)})["spam"].subject == "[JUNK] gift"
        terminal.send("\x1b")
        terminal.until(lambda screen: "[JUNK]" in screen.lines[2] and "[ Close ]" not in screen.text)
        terminal.send("H")
        terminal.until("Prefix for the subject of spam: ***SPAM*** → [JUNK]")
        terminal.send("z")
        terminal.until("[ Apply ]")
        terminal.send("\t\r")
        terminal.until("[ Close ]")
        assert page.send({"spam": letter("gift", points=10)})["spam"].subject == "***SPAM*** gift"
        # One that dies is seen on every page.
        terminal.send("\x1b")
        terminal.until(lambda screen: "[ Close ]" not in screen.text)
        terminal.send("\x1b")
        terminal.until("✔ clamd")
        machine.kill("clamd")
        terminal.until("✖ clamd")

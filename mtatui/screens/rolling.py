"""From values for all servers to servers that have them: a plan for each, the review of all, the waves.

Nothing is touched before the review was answered. What runs goes on when the screen or the terminal is gone.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import ComposeResult
from textual.widget import Widget

from mtatui.backends.applying import Step
from mtatui.fleet.prepared import prepare
from mtatui.fleet.shares import Share
from mtatui.fleet.waves import Rollout
from mtatui.screens.fields import Field, FieldsDialog, beside
from mtatui.screens.review import MINUTES
from mtatui.screens.waves import RolloutScreen
from mtatui.screens.waves_review import Choice, WavesReview
from mtatui.settings import profile
from mtatui.settings.kinds import Refused
from mtatui.widgets.dialog import answer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mtatui.fleet import Fleet
    from mtatui.screens.changing import Changing
    from mtatui.server import Server


class RollingFace(Protocol):
    """What this asks of the app."""

    fleet: Fleet

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        """Run what changes servers; it goes on when the screen is gone."""
        ...

    def changing_of(self, server: Server) -> Changing:
        """The hands of its pages of settings."""
        ...

    def push_screen(self, screen: Any, callback: Any) -> Any:
        """Show something over the page."""
        ...


class Rolling:
    """The hands of those who change several servers."""

    def __init__(
        self, face: RollingFace, tell: Callable[[str, str], None], changed: Callable[[], object]
    ) -> None:
        """Args:
        tell: says one line to the person.
        changed: called when servers were changed.
        """
        self.face = face
        self.tell = tell
        self.changed = changed
        self.running = False

    async def profile(self, path: str) -> None:
        """Plan a profile for all servers, and show the plans."""
        try:
            wanted = await asyncio.to_thread(_profile, path)
        except OSError as error:
            self.tell(f"{path} cannot be read: {error.strerror or error}", "error")
        except UnicodeDecodeError:
            self.tell(f"{path} is no TOML: it is not in UTF-8", "error")
        except profile.Mistakes as error:
            self.tell("\n".join(error.lines), "error")
        else:
            await self.plan(f"Profile {os.path.basename(path)}", wanted)

    async def plan(self, title: str, wanted: Mapping[str, Any]) -> None:
        """Plan for all servers, and show the plans."""
        if self.running:
            self.tell("Something is on its way over the servers already.", "warning")
            return
        self.tell("Planning for every server …", "information")
        prepared = await prepare(self.face.fleet.servers, wanted, lambda _: wanted)
        if not any(one.acts or one.error for one in prepared):
            self.tell("Not a byte would change: it is so on every server already.", "information")
            return

        def answered(choice: Choice | None) -> None:
            if choice is not None:
                self._run(title, choice)

        self.face.push_screen(WavesReview(title, prepared), answered)

    def _run(self, title: str, choice: Choice) -> None:
        if self.running:
            self.tell("Something is on its way over the servers already.", "warning")
            return
        rollout = Rollout(
            choice.prepared,
            choice.waves,
            roll_back=choice.roll_back,
            confirm_within=MINUTES * 60 if choice.confirm else None,
        )
        screen = RolloutScreen(
            title,
            rollout,
            lambda: self.face.work(self._answer(screen, rollout.confirm)),
            lambda: self.face.work(self._answer(screen, rollout.take_back)),
        )
        self.face.push_screen(screen, lambda _: None)
        self.face.work(self._roll(rollout, screen))

    async def _roll(self, rollout: Rollout, screen: RolloutScreen) -> None:
        context = contextvars.copy_context()

        def told(share: Share, step: Step | None) -> None:
            context.run(screen.took)

        self.running = True
        try:
            await rollout.run(told)
        finally:
            self.running = False
            screen.ended()
            await self._look(rollout)

    async def _answer(self, screen: RolloutScreen, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keep what waits, or take it back."""
        self.running = True
        try:
            await do()
        finally:
            self.running = False
            screen.ended()
            await self._look(screen.rollout)

    async def _look(self, rollout: Rollout) -> None:
        """What is shown of these servers is old; what waits there is said in the header."""
        for share in rollout.shares:
            if share.wave:
                changing = self.face.changing_of(share.prepared.server)
                changing.read_soon()
                if share in rollout.awaiting:
                    await changing.settle()
        self.changed()


def _profile(path: str) -> dict[str, Any]:
    with open(os.path.expanduser(path), "rb") as file:
        data = file.read(profile.LARGEST + 1)
    return profile.read(data.decode("utf-8"))


class ProfileDialog(FieldsDialog[str]):
    """Asks for the file of a profile; dismissed with its path."""

    FIRST = "Which file?"

    def __init__(self) -> None:
        super().__init__("Profile for all servers")

    def body(self) -> ComposeResult:
        yield self.about(
            "A file of settings (TOML), as mtatui settings export writes it. What it does not say "
            "stays as it is. Every plan is shown before anything is touched."
        )
        yield beside("File ", Field(id="file", hint="path"))
        yield self.said()

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Plan", "plan")]

    def typed(self) -> str:
        if path := self.in_field("file"):
            return path
        raise Refused("a file is wanted here")

    def comes_to(self, typed: str) -> str:
        return ""

    def answered(self, typed: str, id: str) -> str:
        return typed

    def entered(self) -> None:
        """Nothing is touched by a plan: enter is enough."""
        self.finish()

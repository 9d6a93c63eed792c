"""The message screen: one message whole. Envelope, headers, attachments, body, raw bytes, records, log.

What lies in the queue file is read on demand, one command a section, no further than a limit that `m`
widens. A `MessageSource` (the server) is asked, and what it refuses is shown in its words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.worker import Worker

from mtatui.backends.host import HostError
from mtatui.queue.message import Message, State, split
from mtatui.screens import message_text, message_verdicts
from mtatui.screens.message_actions import FOOTER, KEYS, MESSAGE_ACTIONS, help_lines
from mtatui.screens.message_copy import copy_one_of
from mtatui.screens.message_head import Head
from mtatui.screens.message_source import MessageSource
from mtatui.screens.reading import ReadingScreen, room
from mtatui.screens.saving import Exists, NotSaved, save
from mtatui.text import clean, count, size
from mtatui.verbs import RESTORE, SECTIONS, Action, Verb
from mtatui.widgets.lines import Piece
from mtatui.widgets.notice import NoticeFooter
from mtatui.widgets.text_view import TextView

#: Bytes of a message that are read at first, and by how much `m` widens that.
FIRST_LOOK = 256 * 1024
WIDER = 8
#: Bytes that are kept of a message at most; what is larger is for postcat(1) and a file.
LARGEST = 128 * 1024 * 1024
#: Seconds between looks at whether the message has changed; nothing is drawn when it has not.
LOOK_AGAIN = 2.0


_FOOTER = tuple(action for id in FOOTER for action in MESSAGE_ACTIONS if action.id == id)


class MessageScreen(Screen[str]):
    """One message. Answers with the ID that was shown last, when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, does, action.label, tooltip=action.help, id=action.id, show=False)
        for action, does in KEYS
    ]

    class VerbChosen(TextualMessage):
        """A verb was chosen for the message that is shown."""

        def __init__(self, verb_id: str, ids: tuple[str, ...]) -> None:
            super().__init__()
            self.verb_id = verb_id
            self.ids = ids

    def __init__(
        self,
        source: MessageSource,
        id: str,
        neighbour: Callable[[str, int], str | None] = lambda id, step: None,
        *,
        section: str = "envelope",
    ) -> None:
        """The screen of a message.

        Args:
            neighbour: the ID that stands after (1) or before (-1) another in the list the user came from.
            section: the one that is shown first.
        """
        super().__init__()
        self.source = source
        self.message_id = id
        self._neighbour = neighbour
        self._section = section
        self._head = Head()
        self._view = TextView(id="message-view")
        self._footer = NoticeFooter()
        self._asking = ""
        self._forget()

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._view
        with Horizontal(id="message-ask"):
            yield Static(Content(""), id="message-question", markup=False)
            field = Input(id="message-answer", select_on_focus=False)
            field.cursor_blink = False
            yield field
        yield self._footer

    def on_mount(self) -> None:
        """Show what is known, and keep an eye on it."""
        self.query_one("#message-ask").display = False
        self._view.focus()
        self._show_section()
        self.set_interval(LOOK_AGAIN, self.queue_changed)

    # -- what is shown

    def queue_changed(self) -> None:
        """Look whether the message is what it was. The app may call this after a scan or a verb."""
        before = self._message, self._gone
        self._look()
        self._show_head()
        if (self._message, self._gone) != before and self._section == "envelope":
            self._show_envelope(stay=True)

    def _forget(self) -> None:
        """Begin with a message of which nothing has been read."""
        self._message: Message | None = None
        self._gone = False
        self._raw: bytes | None = None
        self._more = False
        self._limit = FIRST_LOOK
        self._texts: dict[str, message_text.Text] = {}
        self._asked: Worker[None] | None = None
        self._look()

    def _look(self) -> None:
        known = self.source.message(self.message_id)
        self._gone = known is None
        self._message = known or self._message

    def _show_head(self) -> None:
        now = time.time()
        if self._message is None:
            lines: list[list[Piece]] = [
                [(clean(self.message_id), "strong"), ("  is not in the queue (any more)", "warning")],
                [("", "")],
            ]
        else:
            expires = self.source.expires(self._message)
            lines = message_text.heading(self._message, expires, now, gone=self._gone)
        self._head.about, self._head.section = lines, self._section
        self._head.repaint()
        in_trash = self._message is not None and self._message.state is State.TRASH
        shown = (a for a in _FOOTER if not isinstance(a, Verb) or (a is RESTORE) == in_trash)
        self._footer.show([(self._bound(action), self._applies(action)) for action in shown])

    def _applies(self, action: Action) -> bool:
        if isinstance(action, Verb):
            states = () if self._message is None else (self._message.state,)
            return not self._gone and not self.source.why_not(action, states, (self.message_id,))
        return action.id != "more" or bool(self._extent())

    def _bound(self, action: Action) -> Action:
        """An action with the keys that it has now: the user's config may have given it others."""
        keys = [key for key, active in self.active_bindings.items() if active.binding.id == action.id]
        return replace(action, keys=",".join(keys)) if keys else action

    def _say_extent(self, text: str) -> None:
        """Say, on the line above the text, how much of it there is."""
        self._head.extent = text
        self._show_head()

    def _show_envelope(self, *, stay: bool) -> None:
        if self._message is None:
            self._view.show(["It was delivered, returned to its sender or deleted meanwhile."])
            return
        expires = self.source.expires(self._message)
        self._view.show(message_text.envelope(self._message, expires, time.time()), stay=stay)

    def _show_section(self, *, stay: bool = False) -> None:
        """Show the section that is chosen; read it first where that is needed."""
        self.workers.cancel_group(self, "message")
        if self._section == "envelope":
            self._show_envelope(stay=stay)
            self._say_extent("")
        elif self._section == "verdicts" and "verdicts" not in self._texts:
            self._view.show(message_verdicts.invitation())
            self._say_extent("")
        elif self._section in self._texts:
            self._view.show(self._texts[self._section], stay=stay)
            self._say_extent(self._extent())
        else:
            if not stay:
                self._view.show([])
            self._say_extent("reading…")
            self.run_worker(self._read(self._section, stay), group="message", exclusive=True)

    async def _read(self, section: str, stay: bool) -> None:
        """Read what a section needs and show it. Another section or message cancels this."""
        try:
            text = await self._text(section)
        except HostError as error:
            # Not kept: coming back to the section tries again.
            self._view.show(clean(str(error), lines=True).split("\n"))
            self._say_extent("could not be read")
            return
        self._texts[section] = text
        self._view.show(text, stay=stay)
        self._say_extent(self._extent())

    async def _text(self, section: str) -> message_text.Text:
        if section == "records":
            return message_text.records(await self.source.records(self.message_id))
        if section == "log":
            lines = await self.source.log_lines(self.message_id)
            return await asyncio.to_thread(
                message_text.log_text, lines, split(self.message_id)[1].partition(".")[0]
            )
        if self._raw is None:
            self._raw, self._more = await self.source.content(self.message_id, self._limit)
        raw, more = self._raw, self._more
        make: dict[str, Callable[[], message_text.Text]] = {
            "headers": lambda: message_text.header_text(raw),
            "attachments": lambda: message_text.attachment_text(raw, more),
            "body": lambda: message_text.body(raw),
            "raw": lambda: message_text.everything(raw),
        }
        return await asyncio.to_thread(make[section])

    def _extent(self) -> str:
        """How much of the message is shown, where it is not all."""
        if not self._more or self._section in {"envelope", "records", "log", "verdicts"}:
            return ""
        whole = f" of about {size(self._message.size)}" if self._message else ""
        return f"first {size(self._limit)}{whole}; m for more"

    def tell(self, text: str, severity: str = "information") -> None:
        """One line for the person, in the footer's place for a while."""
        self._footer.tell(text, severity)

    # -- keys

    def action_section(self, section: str) -> None:
        """Go to a section. The verdicts are asked for by their key, and again when they are there."""
        again = section == self._section
        if not again:
            self._go(section)
        if section == "verdicts" and (again or section not in self._texts):
            judging = message_verdicts.judge(self.source, self.message_id, self._show_verdicts)
            self._asked = self.run_worker(judging, group="message", exclusive=True)

    def _go(self, section: str) -> None:
        self._footer.hush()
        self._section = section
        self._view.search("")
        self._show_section()

    def _show_verdicts(self, text: message_text.Text, waiting: str) -> None:
        """Show verdicts as they come; kept are those for which nothing is waited any more."""
        if not waiting:
            self._texts["verdicts"] = text
        self._view.show(text, stay=True)
        self._say_extent(waiting)

    def on_head_section_clicked(self, event: Head.SectionClicked) -> None:
        """Go to the section whose name was clicked."""
        self.action_section(event.section)

    async def on_key_footer_pressed(self, event: NoticeFooter.Pressed) -> None:
        """Do what was clicked in the footer."""
        does = next(does for action, does in KEYS if action.id == event.action)
        await self.run_action(does)

    def action_turn(self, step: int) -> None:
        """Go to the next section, or the one before."""
        names = [section.id for section in SECTIONS]
        self._go(names[(names.index(self._section) + step) % len(names)])

    def action_neighbour(self, step: int) -> None:
        """Go to the next message of the list, or the one before, in the same section."""
        self._footer.hush()
        other = self._neighbour(self.message_id, step)
        if other is None:
            self.tell("That was the last message of the list." if step > 0 else "That was the first one.")
            return
        self.message_id = other
        self._forget()
        self._show_section()

    def action_more(self) -> None:
        """Read further into a long message."""
        if not self._extent():
            self.tell("This is all of it.")
            return
        if self._limit >= LARGEST:
            self.tell("No more is shown here. S saves the whole message to a file.")
            return
        self._limit = min(self._limit * WIDER, LARGEST)
        self._raw = None
        for section in ("headers", "attachments", "body", "raw"):
            self._texts.pop(section, None)
        self._show_section(stay=True)

    def action_search_on(self, step: int) -> None:
        """Go to the next place where the searched text stands, or the one before."""
        if not self._view.searching:
            self.action_ask("search")
        elif not self._view.search_on(step):
            self.tell("Not found.", "warning")

    def action_verb(self, verb: str) -> None:
        """Choose a verb for this message; the app asks, acts and says what became of it."""
        if self._gone:
            self.tell(f"{self.message_id} is in the queue no more: nothing to do.")
        else:
            self.post_message(self.VerbChosen(verb, (self.message_id,)))

    async def action_copy(self) -> None:
        """Choose something of the message for the clipboard (OSC 52: the terminal decides)."""
        facts = message_text.facts(self.message_id, self._message)
        copy_one_of(self.app, facts, self.tell)

    def action_help(self) -> None:
        """The keys of this screen, as they are bound now."""
        lines = help_lines(map(self._bound, MESSAGE_ACTIONS), room(self.size.width))
        self.app.push_screen(ReadingScreen("One message", lines))

    def action_back(self) -> None:
        """Leave what is open: the question, the verdicts that are waited for, the search, the screen."""
        if self._asking:
            self._answered()
        elif self._section == "verdicts" and self._asked is not None and self._asked.is_running:
            self._asked.cancel()
            self._say_extent("stopped; V asks again")
        elif self._view.searching:
            self._view.search("")
        else:
            self.dismiss(self.message_id)

    # -- a question on the last line: what to search, where to save

    def action_ask(self, what: str) -> None:
        """Open the line in which a search or a file name is typed."""
        self._asking = what
        question = {"search": "Search: ", "save": "Save the raw message to file: "}[what]
        field = self.query_one("#message-answer", Input)
        self.query_one("#message-question", Static).update(Content(question))
        self.query_one("#message-ask").display = True
        field.value = "" if what == "search" else f"~/{split(self.message_id)[1]}.eml"
        field.cursor_position = len(field.value)
        self._overwrite = ""
        self.set_focus(field)  # at once, for the next key may be on its way

    def _answered(self) -> None:
        self._footer.hush()
        self._asking = ""
        self.query_one("#message-ask").display = False
        self.set_focus(self._view)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search, or save."""
        event.stop()
        answer: dict[str, Callable[[str], Awaitable[None]]] = {"search": self._search, "save": self._save}
        if self._asking:
            await answer[self._asking](event.value)

    async def _search(self, text: str) -> None:
        self._answered()
        found = self._view.search(text)
        if text and not found:
            self.tell("Not found.", "warning")

    async def _save(self, name: str) -> None:
        if not name.strip():
            self.tell("Type a file name, or leave with esc.")
            return
        self.tell("reading…")
        self.run_worker(
            self._save_to(name.strip(), self._overwrite == name), group="message-save", exclusive=True
        )

    async def _save_to(self, name: str, overwrite: bool) -> None:
        """Save the message whole. What goes wrong is said, and the name that was typed stays."""
        try:
            raw, more = await self.source.content(self.message_id, LARGEST)
            if more:
                self.tell(
                    f"Larger than {size(LARGEST)}: not saved. "
                    f"postcat -qbh {split(self.message_id)[1]} prints it."
                )
                return
            path = await asyncio.to_thread(save, name, raw, overwrite=overwrite)
        except Exists:
            self._overwrite = name
            self.tell("There is a file of that name. Enter again overwrites it; or type another name.")
        except (HostError, NotSaved) as error:
            self.tell(str(error), "error")
        else:
            if self._asking == "save":
                self._answered()
            self.tell(f"Saved {count(len(raw))} bytes, readable by you only: {path}")

"""Who signs what: every domain with its keys, and whether the DNS has them; new keys, new selectors."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.binding import BindingType
from textual.strip import Strip

from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim.keys import Standing
from mtatui.backends.dkim.listing import ANY, OPENDKIM
from mtatui.backends.host import HostError
from mtatui.screens.changing import Changing
from mtatui.screens.desk import TableDesk, bindings
from mtatui.screens.new_key import NewKeyDialog, Wanted
from mtatui.screens.reading import ReadingScreen, labelled, room
from mtatui.settings.kinds import Refused
from mtatui.text import clean, fit, wrap
from mtatui.verbs import Action
from mtatui.widgets.lines import CursorLines, Piece

if TYPE_CHECKING:
    from mtatui.backends.dkim.listing import Identity, Listing
    from mtatui.backends.dkim.work import Offer, Record

#: From this many columns on it is told who signs.
WIDE = 100
#: Cells of the labels below the table.
LABEL = 13

_STATES = {
    "signs": ("●", ""),
    "in reserve": ("○", "dim"),
    "not signed": ("○", "warning"),
    "not usable": ("✖", "dim"),
    "cannot sign": ("✖", "danger"),
}
_STANDINGS = {
    Standing.MATCHES: ("✔", ""),
    Standing.MISSING: ("✖", "danger"),
    Standing.DIFFERS: ("✖", "danger"),
    Standing.REVOKED: ("✖", "danger"),
    Standing.UNKNOWN: ("?", "warning"),
}


class DomainLines(CursorLines):
    """One key of one domain a line."""

    HEADS = 1

    def __init__(self) -> None:
        super().__init__(id="domains")
        self.identities: Sequence[Identity] = ()
        self.asking = False
        self.empty = "Looking …"

    def line_count(self) -> int:
        return len(self.identities)

    def draw_head(self, y: int, width: int) -> Strip:
        heads = [(text, "head") for text in ("Domain", "Selector", "Key", "State", "DNS", "By")]
        return self.line([("   ", "head"), *self._laid(heads, width)], width)

    def draw(self, index: int, width: int) -> Strip:
        one = self.identities[index]
        at_cursor = index == self.cursor
        before = self.identities[index - 1].domain if index else ""
        sign, role = _STATES[one.state]
        dns, dns_role = self._dns(one)
        pieces = [
            (one.domain if one.domain != ANY else "any domain", "dim" if one.domain == before else ""),
            (one.selector or "–", ""),
            (str(one.key) if one.key is not None else "–", ""),
            (f"{sign} {one.state}", role),
            (dns, dns_role),
            (one.by or "–", "dim"),
        ]
        line = [(" ▶ " if at_cursor else "   ", ""), *self._laid(pieces, width)]
        return self.line(line, width, self.cursor_role if at_cursor else "")

    def _dns(self, one: Identity) -> tuple[str, str]:
        if not one.place:
            return "–", "dim"
        if one.published is None:
            return "asking …" if self.asking else "not asked", "dim"
        sign, role = _STANDINGS[one.published.standing]
        # What signs nothing harms nobody where its record is missing.
        return f"{sign} {one.published.standing}", role if one.signs or not role else "dim"

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([(f"   {self.empty}" if not self.identities and index == 0 else "", "dim")], width)

    @staticmethod
    def _laid(pieces: Sequence[Piece], width: int) -> list[Piece]:
        """A line; the domain gets what is left."""
        widths = [0, 14 if width < WIDE else 20, 9, 13, 13, 8 if width >= WIDE else 0]
        widths[0] = max(width - 3 - sum(widths) - 2 * sum(map(bool, widths[1:])), 12)
        laid = [
            (fit(clean(text), cells), role)
            for (text, role), cells in zip(pieces, widths, strict=True)
            if cells
        ]
        return [(text + "  ", role) for text, role in laid[:-1]] + laid[-1:]

    def cursor_moved(self) -> None:
        assert isinstance(self.screen, DkimScreen)
        self.screen.show_detail()


class DkimScreen(TableDesk[DomainLines]):
    """The keys of one server."""

    AGAIN = "app.dkim"
    AUTO_FOCUS = "DomainLines"
    BINDINGS: ClassVar[list[BindingType]] = bindings("dkim")
    WHERE = "dkim"
    LABEL = "DKIM"

    def __init__(self, changing: Changing, keymap: Mapping[str, str]) -> None:
        super().__init__(DomainLines(), changing.server, changing.acting, keymap)
        self.changing = changing
        self.listing: Listing | None = None
        self.trouble = ""

    def on_mount(self) -> None:
        """The frame, until it is known."""
        self.show_header()
        self.show_footer()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Look: at first, and after each change."""
        self.look()

    @work(group="dkim", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Look what is configured, then what the DNS says of it."""
        dkim = self.server.dkim
        try:
            found = await dkim.list()
            # What was known before stands there until it is known anew.
            known = {(one.place, one.key): one.published for one in self.table.identities}
            before = tuple(
                replace(one, published=known.get((one.place, one.key))) for one in found.identities
            )
            self.show(replace(found, identities=before), asking=True)
            if found.names():
                found = await dkim.check(found)
            self.show(found, asking=False)
        except HostError as error:
            self.trouble = self.table.empty = clean(str(error))
            self.table.identities = ()
            self.table.repaint()
            self.show_detail()

    def show(self, found: Listing, *, asking: bool) -> None:
        """These are they; the cursor stays with its key, or goes to one that was not there before."""
        known = [(one.domain, one.selector) for one in self.table.identities]
        keys = [(one.domain, one.selector) for one in found.identities]
        at = next((at for at, key in enumerate(keys) if known and key not in known), -1)
        if at < 0 and known and known[self.table.cursor] in keys:
            at = keys.index(known[self.table.cursor])
        self.listing, self.trouble = found, ""
        self.table.identities, self.table.asking = found.identities, asking
        self.table.empty = "No domain of this server is known, and nothing is signed. n makes a key."
        self.table.move_to(max(at, 0))
        self.table.repaint()
        self.show_detail()

    @property
    def identity(self) -> Identity | None:
        """The one under the cursor."""
        return self.table.identities[self.table.cursor] if self.table.identities else None

    def told(self, width: int) -> Iterator[Sequence[Piece]]:
        return told(self.identity, self.listing.notes if self.listing is not None else (), width)

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        if action.where != "dkim" or action.id == "dkim-check":
            return ""
        if self.listing is None:
            return self.trouble or "nothing is known yet"
        one = self.identity
        if action.id in ("dkim-record", "dkim-copy"):
            return "there is no key" if one is None or one.key is None or not one.place else ""
        if why := self.changing.configuration.why_not():
            return why
        if action.id == "dkim-new":
            return ""
        if one is None or not one.selector:
            return "the domain has no key"
        if one.by != OPENDKIM:
            return f"{one.by} has this key: its own configuration says so"
        return "this key is for more than one domain" if one.domain == ANY else ""

    # --- doing -----------------------------------------------------------------------------------------

    def do_dkim_new(self, argument: str) -> None:
        """A key for a domain that is not signed; that under the cursor is proposed."""
        one = self.identity
        unsigned = one is not None and one.state in ("not signed", "in reserve")
        domain = argument or (one.domain if one is not None and unsigned and one.domain != ANY else "")

        def answered(wanted: Wanted | None) -> None:
            if wanted is not None:
                self._offer(
                    self.server.dkim.generate(
                        wanted.domain,
                        wanted.selector,
                        type=wanted.type,
                        bits=wanted.bits,
                        reserve=not wanted.sign,
                    )
                )

        self.app.push_screen(NewKeyDialog(domain), answered)

    def do_dkim_rotate(self, argument: str) -> None:
        """A new key in reserve, or the one in reserve signs."""
        one = self.identity
        assert one is not None
        dkim = self.server.dkim
        signed = self.listing is not None and any(key.signs for key in self.listing.of(one.domain))
        if not signed:
            self._offer(dkim.generate(one.domain, one.selector))
        else:
            self._offer(dkim.rotate(one.domain, "" if one.signs else one.selector))

    def do_dkim_stop(self, argument: str) -> None:
        """Sign no longer, or forget a key that signs nothing."""
        one = self.identity
        assert one is not None
        self._offer(self.server.dkim.stop(one.domain, "" if one.signs else one.selector))

    @work(group="offer", exclusive=True, exit_on_error=False)
    async def _offer(self, offer: Coroutine[Any, Any, Offer]) -> None:
        """Plan a change, and show it."""
        self.tell("Planning …")
        try:
            found = await offer
        except (Refused, HostError) as error:
            self.tell(f"{error}.".replace("..", "."), "warning")
            return
        self.footer.hush()
        self.changing.look_at(found.plan)

    async def _record(self) -> Record | None:
        """The record of the key under the cursor; None where there is none, which is told."""
        one = self.identity
        assert one is not None
        try:
            [record] = await self.server.dkim.records(one.domain, one.selector)
        except (Refused, HostError) as error:
            self.tell(str(error), "warning")
            return None
        return record

    @work(group="record", exclusive=True, exit_on_error=False)
    async def do_dkim_record(self, argument: str) -> None:
        """The record to publish."""
        if (record := await self._record()) is None:
            return
        width = room(self.size.width)
        lines: list[Sequence[Piece]] = [[(line, "")] for line in wrap(record.published.text, width)]
        zone = dkim_keys.zone(record.domain, record.selector, record.key, min(255, width - 8))
        lines += [[], [("In a zone file", "accent")], *([(line, "")] for line in zone)]
        lines += [[], [("In a form: the name, and the text in one piece (esc, then y copies it)", "accent")]]
        lines += [[(record.name, "")], *([(line, "")] for line in _cut(record.text, width))]
        self.app.push_screen(ReadingScreen(f"The record of {record.name}", lines))

    @work(group="record", exclusive=True, exit_on_error=False)
    async def do_dkim_copy(self, argument: str) -> None:
        """The record, to the clipboard (OSC 52)."""
        if (record := await self._record()) is None:
            return
        self.app.copy_to_clipboard(record.text)
        self.tell(f"Copied: the record of {record.name}")

    def do_dkim_check(self, argument: str) -> None:
        """Look again, now."""
        self.look()


def _cut(text: str, width: int) -> Iterator[str]:
    """A text without blanks, in lines."""
    yield from (text[at : at + width] for at in range(0, len(text), width))


def told(one: Identity | None, notes: Sequence[str], width: int) -> Iterator[list[Piece]]:
    """A key with all that is known of it, in lines of so many cells; what is wrong everywhere comes first."""
    for note in notes:
        yield from labelled("Mind", note, "warning", width, LABEL)
    if one is None:
        return
    if not one.selector:
        yield from labelled(
            "Signs", f"Mail of {one.domain} is not signed. n makes a key for it.", "", width, LABEL
        )
        return
    if one.trouble:
        yield from labelled("Trouble", one.trouble, "danger" if one.signs else "warning", width, LABEL)
    if one.warning:
        yield from labelled("Mind", one.warning, "warning", width, LABEL)
    if one.published is not None:
        sign, role = _STANDINGS[one.published.standing]
        yield from labelled("DNS", f"{sign} {one.published.text}", role if one.signs else "", width, LABEL)
        for note in one.published.notes:
            yield from labelled("", note, "warning", width, LABEL)
    if todo := _to_do(one):
        yield from labelled("To do", todo, "", width, LABEL)
    senders = ", ".join(one.senders) if one.senders else "nobody's mail"
    yield from labelled(
        "Signs", senders if one.signs or not one.senders else f"{senders} (not now)", "", width, LABEL
    )
    yield from labelled("Private key", one.path or "in the table itself", "dim", width, LABEL)
    if one.by == OPENDKIM:
        yield from labelled("Called", one.name, "dim", width, LABEL)


def _to_do(one: Identity) -> str:
    """What a person would do next about a key, and by which keys."""
    if one.by != OPENDKIM or one.domain == ANY:
        return ""
    standing = one.published.standing if one.published is not None else None
    publish = "Publish its record: enter shows it." if standing is Standing.MISSING else ""
    if not one.signs:
        return (
            f"{publish} Then r signs with it; x forgets it." if publish else "r signs with it, x forgets it."
        )
    if standing in (Standing.DIFFERS, Standing.REVOKED):
        return "r makes a new key; or publish the record of this one: enter shows it."
    return publish

"""Controls of ClamAV: how the page's settings are read off clamd's and freshclam's files, and written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mtatui.backends.filters import schedule
from mtatui.backends.filters.clamd import Clamd
from mtatui.backends.filters.freshclam import Freshclam, public, unit_name
from mtatui.backends.filters.manager import Manager
from mtatui.backends.filters.reading import Written
from mtatui.backends.host import File
from mtatui.backends.postfix.controls import Control
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Current
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Frequency

_NO_CLAMD = "clamd is not here; Debian: apt install clamav-daemon"
_NO_FRESHCLAM = "freshclam is not here; Debian: apt install clamav-freshclam"
_HOUR = 3600
_FREQUENCY = Frequency()


def _clamd(reading: PostfixReading) -> tuple[Clamd | None, str]:
    """clamd, or why nothing can be said of it."""
    found = reading.filters.clamd if reading.filters else None
    return found, _NO_CLAMD if found is None else found.trouble


def _freshclam(reading: PostfixReading) -> tuple[Freshclam | None, str]:
    """freshclam, or why nothing can be said of it."""
    found = reading.filters.freshclam if reading.filters else None
    return found, _NO_FRESHCLAM if found is None else found.trouble


def _place(path: str, line: int) -> str:
    return f"{path}, line {line}" if line else ""


class EncryptedArchives:
    """``AlertEncryptedArchive``, and what has stood for it: ``AlertEncrypted``, ``ArchiveBlockEncrypted``."""

    NAMES = ("AlertEncryptedArchive", "AlertEncrypted", "ArchiveBlockEncrypted")

    def current(self, reading: PostfixReading) -> Current:
        """Whether any of them says so."""
        clamd, why = _clamd(reading)
        if clamd is None or why:
            return Current(False, False, unavailable=why)
        said = [name for name in self.NAMES if clamd.conf.get(name) is not None]
        on = [name for name in said if clamd.conf.yes(name, False)]
        line = clamd.conf.line((on or said or [""])[0])
        return Current(bool(on), False, bool(said), _place(clamd.path, line))

    def write(self, draft: Draft, value: bool) -> None:
        """Say it by its name of today; what would say otherwise is taken back."""
        clamd = draft.filters.clamd
        assert clamd is not None
        conf = clamd.conf
        if not value and conf.yes("AlertEncrypted", False):
            conf = conf.set("AlertEncrypted", "no").set("AlertEncryptedDoc", "yes")
        if not value:
            conf = conf.unset("ArchiveBlockEncrypted")
        conf = conf.set("AlertEncryptedArchive", "yes" if value else "no")
        draft.filters = replace(draft.filters, clamd=replace(clamd, conf=conf))
        if value:
            draft.say("An archive with a password counts as a virus from now on.")


class Mirrors:
    """``DatabaseMirror``, a line for each."""

    def current(self, reading: PostfixReading) -> Current:
        """Those that are named."""
        freshclam, why = _freshclam(reading)
        if freshclam is None or why:
            return Current((), (), unavailable=why)
        own = ("database.clamav.net",)
        line = freshclam.conf.line("DatabaseMirror")
        return Current(
            freshclam.mirrors, own, bool(line), _place(freshclam.path, line), note=self._note(freshclam)
        )

    def _note(self, freshclam: Freshclam) -> str:
        private = freshclam.conf.all("PrivateMirror")
        if private:
            return f"PrivateMirror is set: {', '.join(private)} is asked before these, and more simply"
        old = [name for name in freshclam.mirrors if name.startswith("db.")]
        return f"{', '.join(old)}: all of these are database.clamav.net today" if old else ""

    def write(self, draft: Draft, value: tuple[str, ...]) -> None:
        """Name these and no others, in this order."""
        freshclam = draft.filters.freshclam
        assert freshclam is not None
        if not value:
            raise Refused("freshclam does not run without a mirror; database.clamav.net is ClamAV's own")
        _set_all(draft, freshclam, "DatabaseMirror", value)
        draft.say(f"Signatures come from {', then '.join(value)}.")
        _warn_of_pace(draft)


class CustomSignatures:
    """``DatabaseCustomURL``, and the files that lie in the database directory."""

    def current(self, reading: PostfixReading) -> Current:
        """Both, URLs first."""
        freshclam, why = _freshclam(reading)
        if freshclam is None or why:
            return Current((), (), unavailable=why)
        value = (*freshclam.urls, *freshclam.own)
        line = freshclam.conf.line("DatabaseCustomURL")
        where = _place(freshclam.path, line) or (freshclam.databases if freshclam.own else "")
        note = "" if not freshclam.own else f"{', '.join(freshclam.own)}: in {freshclam.databases}"
        return Current(value, (), bool(value), where, note=note)

    def write(self, draft: Draft, value: tuple[str, ...]) -> None:
        """Name these URLs; files that are not among them go."""
        freshclam = draft.filters.freshclam
        assert freshclam is not None
        urls = tuple(one for one in value if "://" in one)
        files = [one for one in value if "://" not in one]
        if strangers := [name for name in files if name not in freshclam.own]:
            raise Refused(
                f"there is no {', '.join(strangers)} in {freshclam.databases}; "
                "mtatui signatures add FILE tries a file and puts it there"
            )
        for name in freshclam.own:
            if name not in files:
                path = freshclam.file(name)
                if not isinstance(draft.filters.files.get(path), File):
                    raise Refused(f"{path} is a large one: mtatui signatures remove {name}")
                draft.beside[path] = Written(None)
                draft.say(f"{name} is removed, and clamd forgets its signatures.")
        _set_all(draft, freshclam, "DatabaseCustomURL", urls)
        for url in urls:
            if url not in freshclam.urls:
                draft.say(f"{url} is fetched at each update, and tried before clamd sees it.")
        left = tuple(name for name in freshclam.own if name in files)
        now = draft.filters.freshclam
        assert now is not None
        draft.filters = replace(draft.filters, freshclam=replace(now, own=left))


class UpdateFrequency:
    """``Checks`` where that holds exactly; else a schedule of ours."""

    def current(self, reading: PostfixReading) -> Current:
        """Who looks for updates, and how often."""
        freshclam, why = _freshclam(reading)
        default = schedule.DAY // 12
        if freshclam is None or why:
            return Current(default, default, unavailable=why)
        line = freshclam.conf.line("Checks")
        if freshclam.scheduled:
            where = next(path for path, written in freshclam.timing.items() if schedule.every([written.data]))
            return Current(freshclam.every, default, True, where, note="a timer of mtatui runs freshclam")
        said = freshclam.conf.get("Checks") or ""
        note = "" if not said or said.isdigit() else f"Checks {said} is no number: freshclam does not start"
        return Current(freshclam.every, default, bool(line), _place(freshclam.path, line), note=note)

    def write(self, draft: Draft, value: int) -> None:
        """Have it hold."""
        freshclam, filters = draft.filters.freshclam, draft.filters
        assert freshclam is not None
        unit = unit_name(filters.units)
        checks = schedule.checks(value)
        conf = freshclam.conf
        if checks:
            conf = _checked(conf.set, "Checks", str(checks))
            often = f"{checks} time{'' if checks == 1 else 's'} a day"
            draft.say(f"freshclam looks for updates {_FREQUENCY.show(value)}, by itself (Checks: {often}).")
        elif "freshclam" not in filters.units:
            raise Refused(
                "freshclam itself knows whole times a day only, and nobody here manages services: "
                "there is nobody who could run it otherwise"
            )
        else:
            systemd = filters.manager is Manager.SYSTEMD
            if not (systemd or freshclam.cron):
                raise Refused("there is neither systemd nor cron that could run freshclam at such times")
            who = "A timer of systemd" if systemd else "cron"
            draft.say(f"{who} runs freshclam {_FREQUENCY.show(value)}; its daemon is out of the way.")
            if systemd and value > schedule.DAY:
                draft.say("After each start of the machine it runs once at once.")
        timing = schedule.written(
            filters.manager, filters.places, unit, freshclam.path, 0 if checks else value
        )
        if checks and not freshclam.scheduled:
            timing = dict(freshclam.timing)
        draft.filters = replace(filters, freshclam=replace(freshclam, conf=conf, timing=timing))
        _warn_of_pace(draft)


def _set_all(draft: Draft, freshclam: Freshclam, name: str, values: tuple[str, ...]) -> None:
    now = draft.filters.freshclam or freshclam
    conf = _checked(now.conf.set_all, name, values)
    draft.filters = replace(draft.filters, freshclam=replace(now, conf=conf))


def _checked(change: Any, *arguments: Any) -> Any:
    """What a change of such a file comes to.

    Raises:
        Refused: such a file cannot hold that.
    """
    try:
        return change(*arguments)
    except ValueError as error:
        raise Refused(str(error)) from None


def _warn_of_pace(draft: Draft) -> None:
    freshclam = draft.filters.freshclam
    assert freshclam is not None
    if 0 < freshclam.every < _HOUR and public(freshclam.mirrors):
        draft.warn(
            f"{_FREQUENCY.show(freshclam.every).capitalize()} is more than ClamAV's public mirrors bear: "
            "they block whoever asks more often than once an hour, whole networks and for a day. "
            "Use a mirror of your own for that.",
            grave=True,
        )


CONTROLS: dict[str, Control] = {
    "filtering.block_encrypted_archives": EncryptedArchives(),
    "filtering.database_mirrors": Mirrors(),
    "filtering.custom_signatures": CustomSignatures(),
    "filtering.update_frequency": UpdateFrequency(),
}

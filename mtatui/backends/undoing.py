"""Plans the way back from an entry of the history.

Where its files are as it left them, their bytes of before come back. Where somebody has changed them since,
only the settings that the entry changed are set back, one by one: what was done later stays.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mtatui.backends import planning
from mtatui.backends.filters.reading import Filters, Written
from mtatui.backends.history import Entry
from mtatui.backends.host import File, HostError, Missing
from mtatui.backends.postfix import cautions, tables
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Caution, Change, Plan, Tag


def plan(
    reading: Reading,
    entry: Entry,
    before: Mapping[str, bytes | None],
    files: Mapping[str, File | HostError],
    filters: Filters | None = None,
) -> Plan:
    """What takes an entry back.

    Args:
        before: the bytes of its files before it, None where there was none.
        files: its files as they are now.
        filters: the filters as they would be with the bytes of before.

    Raises:
        Refused: it cannot be taken back, in words.
    """
    for path, file in files.items():
        if isinstance(file, HostError) and not isinstance(file, Missing):
            raise Refused(f"{path}: {file}")
    source: PostfixReading = reading.source
    source = replace(source, files={**source.files, **files})
    if source.filters is not None:
        source = replace(source, filters=replace(source.filters, files={**source.filters.files, **files}))
    if all(_digest(files.get(changed.path)) == changed.after for changed in entry.files):
        return _bytes_back(reading, source, entry, before, filters)
    return _settings_back(reading, source, entry, before)


def of_postfix(source: PostfixReading) -> frozenset[str]:
    """The files that are Postfix's; all others in an entry are of the filters beside it."""
    tables_of_ours = (f"{source.config_directory}/{name}" for name in tables.TYPES)
    return frozenset((source.main_path, source.master_path, *tables_of_ours))


def _bytes_back(
    reading: Reading,
    source: PostfixReading,
    entry: Entry,
    before: Mapping[str, bytes | None],
    filters: Filters | None,
) -> Plan:
    draft = Draft(source)
    there = source.filters.written() if source.filters is not None else {}
    if filters is not None:
        draft.filters = filters
        there = {**there, **filters.written()}
    own = of_postfix(source)
    how = {file.path: file for file in entry.files}
    for path, data in before.items():
        if path == source.main_path:
            draft.main = MainCf.parse(data or b"")
            continue
        if path not in own:
            mode, owner = how[path].mode, how[path].owner
            hidden = there[path].secrets if path in there else ()
            draft.beside[path] = Written(data, mode, hidden, owner)
            continue
        secrets = tuple(
            login.password
            for file in (data, source.file(path))
            for login in tables.read_relay_login(file or b"").values()
            if path.endswith(tables.RELAY_LOGIN)
        )
        mode = next((mode for name, mode in tables.MODES.items() if path.endswith(name)), 0o644)
        draft.write(path, data, mode, secrets)
    cautions.warn(draft, ())
    draft.say(f"Everything is as it was before {_called(entry)}.")
    changes = [Change(c.key, c.label, c.after, c.before, _as_it_is(c.key, reading)) for c in entry.changes]
    return planning.finished(reading.server, draft, changes, entry.id)


def _settings_back(
    reading: Reading, source: PostfixReading, entry: Entry, before: Mapping[str, bytes | None]
) -> Plan:
    old = _as_it_was(source, before)
    wanted, mind = {}, []
    for change in entry.changes:
        if change.key not in ALL or reading.of(ALL[change.key]).unavailable:
            mind.append(Caution(f"{change.label} is not set here; that part is not taken back."))
            continue
        value = _value_before(change, old)
        now = ALL[change.key].kind.show(reading.current[change.key].value)
        if now not in (change.after, change.before):
            mind.append(
                Caution(
                    f"{change.label} was changed once more since then, to {now}; that is lost.", grave=True
                )
            )
        wanted[change.key] = value
    if not wanted:
        raise Refused("files were changed since then, and the entry does not say which settings it changed")
    found = planning.plan(reading, wanted, entry.id)
    if found.empty:
        return found
    mind.append(
        Caution(f"Files were changed since {_called(entry)}: its settings are set back, and nothing else.")
    )
    words = f"The settings of {_called(entry)} are what they were before it."
    return replace(found, words=(words, *found.words), cautions=(*found.cautions, *mind))


def _value_before(change: Change, old: PostfixReading) -> Any:
    """What a setting was before the entry: as the entry says, else as the files of then say.

    Raises:
        Refused: that cannot be set any more.
    """
    if change.was is None:
        return planning.CONTROLS[change.key].current(old).value
    try:
        return ALL[change.key].kind.load(change.was)
    except Refused as refused:
        raise Refused(f"{change.label} was {change.before}: {refused}") from None


def _as_it_is(key: str, reading: Reading) -> Any:
    """What a setting of the filters is now, as an entry keeps it."""
    setting = ALL.get(key)
    if setting is None or not setting.filters or key not in reading.current:
        return None
    return setting.kind.dump(reading.current[key].value)


def _as_it_was(source: PostfixReading, before: Mapping[str, bytes | None]) -> PostfixReading:
    """The configuration before the entry, as far as its files tell."""
    files: dict[str, File | HostError] = dict(source.files)
    for path, data in before.items():
        files[path] = (
            Missing(f"There was no {path}.")
            if data is None
            else File(data, Tag(0, 0, len(data), ""), 0, 0, 0)
        )
    main = before.get(source.main_path)
    return replace(source, files=files, main=source.main if main is None else MainCf.parse(main))


def _digest(file: File | HostError | None) -> str | None:
    return file.tag.digest if isinstance(file, File) else None


def _called(entry: Entry) -> str:
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    return f"the change {entry.id} by {entry.who} of {at}"

"""Says what every setting is in a configuration that was read, and makes plans of changes: what would be
edited, run and probed, what it means, and what to mind. Pure: nothing is touched, nothing asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mtatui.backends.filters import (
    amavis_cautions,
    amavis_controls,
    amavis_notices,
    clamav_controls,
    spamassassin,
)
from mtatui.backends.filters.care import care
from mtatui.backends.host import File
from mtatui.backends.postfix import cautions, controls_lists, controls_tables, probes
from mtatui.backends.postfix.asked import ask_tables
from mtatui.backends.postfix.controls import Control, Parameter
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Refused, Trial
from mtatui.settings.plan import Change, Command, Edit, Plan, Tag
from mtatui.settings.setting import Setting
from mtatui.text import clean

#: Each setting's way in and out of a configuration.
CONTROLS: Mapping[str, Control] = {
    **{key: Parameter(setting) for key, setting in ALL.items()},
    **controls_lists.CONTROLS,
    **controls_tables.CONTROLS,
    **amavis_controls.CONTROLS,
    **amavis_notices.CONTROLS,
    **spamassassin.CONTROLS,
    **clamav_controls.CONTROLS,
}

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def current(source: PostfixReading) -> dict[str, Current]:
    """What every setting is, by key; without those of the filters where these were not read."""
    return {
        key: _current(key, source)
        for key, setting in ALL.items()
        if source.filters is not None or not setting.filters
    }


def _current(key: str, source: PostfixReading) -> Current:
    found = CONTROLS[key].current(source)
    needs = ALL[key].needs
    if needs and source.version < needs:
        return replace(found, unavailable=f"that takes Postfix {'.'.join(map(str, needs))} or newer")
    return found


def plan(reading: Reading, changes: Mapping[str, Any], undoes: str = "") -> Plan:
    """What changes would do to a server as it was read.

    Args:
        changes: new values by setting key; what is so already, is no change.
        undoes: the history entry that this takes back.

    Raises:
        Refused: something cannot be, in words.
    """
    if strangers := [key for key in changes if key not in ALL]:
        raise Refused(f"there is no setting {clean(', '.join(strangers))}")
    draft = Draft(reading.source)
    made = []
    elsewhere: dict[tuple[str, ...], list[str]] = {}
    for key, setting in ALL.items():
        if key not in changes:
            continue
        if key not in reading.current:
            raise Refused(f"{setting.label}: the filters beside Postfix were not read yet")
        if changes[key] == reading.current[key].value:
            continue
        current, wanted = reading.current[key], changes[key]
        # What is changed along with it may be what it was waiting for.
        if current.unavailable and (why := _current(key, draft.after).unavailable):
            raise Refused(f"{setting.label}: {why}")
        said = draft.said
        try:
            CONTROLS[key].write(draft, wanted)
        except Refused as refused:
            raise Refused(f"{setting.label}: {refused}") from None
        if draft.said == said:
            draft.say(_in_words(setting, wanted))
        show = setting.kind.show
        was = setting.kind.dump(current.value) if setting.filters else None
        made.append(Change(key, setting.label, show(current.value), show(wanted), was))
        if services := tuple(dict.fromkeys(override.service for override in current.overrides)):
            elsewhere.setdefault(services, []).append(setting.label)
    for services, labels in elsewhere.items():
        draft.say(f"Not so at {', '.join(services)}, where master.cf says otherwise: {', '.join(labels)}.")
    controls_tables.follow_relay_host(draft)
    keys = [change.key for change in made]
    cautions.warn(draft, keys)
    amavis_cautions.warn(draft, keys)
    return finished(reading.server, draft, made, undoes)


def finished(server: str, draft: Draft, made: Iterable[Change], undoes: str = "") -> Plan:
    """The plan that a draft amounts to."""
    beside, own, directory = draft.edits_beside(), draft.edits_of_postfix(), draft.before.config_directory
    if not beside and not own:
        return Plan(server, (), (), (), directory)
    plan = Plan(
        server=server,
        changes=tuple(made),
        words=tuple(map(clean, (*_turned(draft.turned), *draft.words))),
        edits=(*beside, *own),
        directory=directory,
        care=care(beside, draft.filters) if beside else (),
        cautions=tuple(draft.cautions),
        undoes=undoes,
    )
    if not own:  # Postfix has nothing to take anew
        return plan
    return replace(
        plan,
        checks=(*_CHECKS, *ask_tables(draft)),
        reload=(Command(("postfix", "-c", directory, "reload"), refuses=_NO),),
        probes=probes.probes(draft.after),
        relied_on=_relied_on(draft.before, own),
    )


#: Lines by which Postfix's commands say no; their exit statuses prove nothing.
_NO = r"\b(fatal|panic|error): "
#: What the staged copy must pass. ``postfix check`` misses bad booleans and times, which smtpd itself finds.
_CHECKS = (
    Command(("postfix", "-c", "{stage}", "check"), refuses=_NO),
    Command(("sendmail", "-C", "{stage}", "-bs"), refuses=rf"{_NO}|^421", input="QUIT\r\n"),
)


def _relied_on(before: PostfixReading, edits: Iterable[Edit]) -> tuple[tuple[str, Tag], ...]:
    edited = {edit.path for edit in edits}
    files = ((path, before.files.get(path)) for path in (before.main_path, before.master_path))
    return tuple((path, file.tag) for path, file in files if path not in edited and isinstance(file, File))


def _in_words(setting: Setting, value: Any) -> str:
    """What a change means, where the control itself has nothing better to say."""
    if isinstance(value, bool):
        label = setting.label[0].lower() + setting.label[1:]
        return f"{'From now on' if value else 'No longer'}: {label}."
    return f"{setting.label}, from now on: {setting.kind.show(value)}."


def _turned(turned: Mapping[Trial, list[str]]) -> Iterable[str]:
    """What it means that checks are switched."""
    if on := turned.get(Trial.ENFORCE):
        yield f"{_so_many(on, 'refuses', 'refuse')} mail from now on: {', '.join(on)}."
    if tried := turned.get(Trial.TRIAL):
        goes = _so_many(tried, "goes", "go")
        yield f"{goes} on trial: nobody is turned away, the log counts who would be ({', '.join(tried)})."
    if off := turned.get(Trial.OFF):
        yield f"{_so_many(off, 'is', 'are')} off: {', '.join(off)}."


def _so_many(names: list[str], one: str, many: str) -> str:
    number = _NUMBERS[len(names)] if len(names) < len(_NUMBERS) else str(len(names))
    return f"{number.capitalize()} check{'' if len(names) == 1 else 's'} {one if len(names) == 1 else many}"

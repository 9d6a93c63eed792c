"""Controls that keep a table of their own: blocked extensions, the login at the relay host."""

from __future__ import annotations

from collections.abc import Sequence

from mtatui.backends.host import NotPermitted
from mtatui.backends.postfix import tables
from mtatui.backends.postfix.controls import Control, overrides
from mtatui.backends.postfix.controls_lists import BELOW
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.lists import insert, parse, remove
from mtatui.backends.postfix.reading import COMPILED, PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Override
from mtatui.settings.kinds import Login, Refused

_MIME, _MAPS, _AUTH = "mime_header_checks", "smtp_sasl_password_maps", "smtp_sasl_auth_enable"
_MECHANISMS = "smtp_sasl_security_options"


class BlockedExtensions:
    """Attachments that are refused by the ends of their names: a table for mime_header_checks."""

    def current(self, reading: PostfixReading) -> Current:
        """Which are refused."""
        data = reading.file(f"{reading.config_directory}/{tables.BLOCKED}")
        if data is None or not _names(reading, _MIME, tables.BLOCKED):
            return Current((), (), note=self._note(reading))
        assignment = reading.explicit(_MIME)
        return Current(
            tables.listed(data),
            (),
            explicit=True,
            where=f"{tables.BLOCKED}; {_MIME}, main.cf line {assignment.line if assignment else 0}",
            overrides=(*overrides(reading, _MIME), *_unchecked(reading)),
            note=self._note(reading),
        )

    def _note(self, reading: PostfixReading) -> str:
        if reading.effective("disable_mime_input_processing").lower() == "yes":
            return "does nothing while disable_mime_input_processing is on"
        return ""

    def write(self, draft: Draft, value: Sequence[str]) -> None:
        """Have these refused."""
        value = ALL["inbound.blocked_extensions"].kind.load(list(value))
        path = f"{draft.before.config_directory}/{tables.BLOCKED}"
        before = draft.before.file(path)
        if before is not None and not tables.read_blocked(before).intact:
            draft.warn(f"{path} was changed by hand; that is lost.")
        if not value:
            _drop(draft, _MIME, tables.BLOCKED)
            draft.write(path, None)
            draft.say("Attachments are no longer refused by their names.")
            return
        _add(draft, _MIME, tables.BLOCKED)
        draft.write(path, tables.blocked(value), tables.MODES[tables.BLOCKED])
        draft.say(
            "Mail with an attachment whose name ends in one of "
            f"{_some([f'.{extension}' for extension in value])} is refused, whether it comes in or goes out."
        )


class RelayPassword:
    """Name and password for the relay host."""

    def current(self, reading: PostfixReading) -> Current:
        """Which login goes to the relay host, if we may see it."""
        assignment = reading.explicit(_MAPS)
        if assignment is None or not assignment.value:
            return Current(None, None)
        where = f"main.cf, line {assignment.line}"
        host = reading.effective("relayhost")
        for path, ours in _sources(reading):
            if isinstance(reading.files.get(path), NotPermitted):
                return Current(None, None, explicit=True, where=where, note=f"only root may look into {path}")
            login = tables.read_relay_login(reading.file(path) or b"").get(host)
            if login is not None:
                note = "" if ours else f"in {path}, which is not mtatui's: a login set here goes before it"
                return Current(login, None, explicit=True, where=path, overrides=_own(reading), note=note)
        note = "other tables have logins, none of them for this relay host that could be seen"
        return Current(None, None, explicit=True, where=where, overrides=_own(reading), note=note)

    def write(self, draft: Draft, value: Login | None) -> None:
        """Have this login; None: none of ours."""
        path = f"{draft.before.config_directory}/{tables.RELAY_LOGIN}"
        secrets = tuple(login.password for login in _logins(draft).values())
        if value is None:
            if not _names(draft.before, _MAPS, tables.RELAY_LOGIN):
                raise Refused("the login does not stand in a table of mtatui's; take it away there")
            draft.write(path, None, secrets=secrets)
            if _drop(draft, _MAPS, tables.RELAY_LOGIN):
                draft.unset(_AUTH)
                if (options := draft.main.get(_MECHANISMS)) and options.value == "noanonymous":
                    draft.unset(_MECHANISMS)
            draft.say("Mail goes to the relay host without a login.")
            return
        host = draft.after.effective("relayhost")
        if not host:
            raise Refused("there is no relay host for which it could be")
        try:
            data = tables.relay_login({host: value})
        except ValueError as error:
            raise Refused(str(error)) from None
        draft.write(path, data, tables.MODES[tables.RELAY_LOGIN], (*secrets, value.password))
        _add(draft, _MAPS, tables.RELAY_LOGIN, first=True)
        draft.set(_AUTH, "yes")
        if "noplaintext" in draft.after.effective(_MECHANISMS):
            # Nearly every relay host offers PLAIN and LOGIN only, which Postfix would not use by default.
            draft.set(_MECHANISMS, "noanonymous")
        draft.say(f"Mail goes to {host} with the login {value.user}, whose password only root can read.")


def follow_relay_host(draft: Draft) -> None:
    """Have our login stand under the relay host's new name, where that was changed and the login was not."""
    host = draft.after.effective("relayhost")
    path = f"{draft.before.config_directory}/{tables.RELAY_LOGIN}"
    before = draft.before.effective("relayhost")
    login = _logins(draft).get(before)
    if not host or host == before or login is None or path in draft.written:
        return
    draft.write(path, tables.relay_login({host: login}), tables.MODES[tables.RELAY_LOGIN], (login.password,))
    draft.warn(f"The login {login.user}, given to {before} so far, is given to {host} from now on.")


def _logins(draft: Draft) -> dict[str, Login]:
    path = f"{draft.before.config_directory}/{tables.RELAY_LOGIN}"
    return tables.read_relay_login(draft.before.file(path) or b"")


def _own(reading: PostfixReading) -> tuple[Override, ...]:
    return tuple(overrides(reading, _MAPS, _AUTH, "relayhost"))


def _sources(reading: PostfixReading) -> list[tuple[str, bool]]:
    """The files behind smtp_sasl_password_maps, and whether each is ours."""
    ours = f"{reading.config_directory}/{tables.RELAY_LOGIN}"
    found = []
    for word in reading.effective(_MAPS).replace(",", " ").split():
        type, _, path = word.removeprefix("proxy:").partition(":")
        if type in (*COMPILED, "texthash"):
            found.append((path, path == ours))
    return found


def _unchecked(reading: PostfixReading) -> list[Override]:
    """The services whose mail is not looked into at all."""
    return [
        override
        for override in overrides(reading, "receive_override_options")
        if "no_header_body_checks" in override.value
    ]


def _entry(name: str) -> str:
    """An own table as a parameter names it."""
    return f"{tables.TYPES[name]}:{BELOW}{name}"


def _names(reading: PostfixReading, parameter: str, table: str) -> bool:
    """Whether a parameter names an own table."""
    return f"{tables.TYPES[table]}:{reading.config_directory}/{table}" in reading.effective(parameter)


def _add(draft: Draft, parameter: str, table: str, *, first: bool = False) -> None:
    """Have a parameter name an own table, too: behind the admin's, or in front of them."""
    if _names(draft.after, parameter, table):
        return
    entry = _entry(table)
    if draft.main.get(parameter) is None:
        draft.set(parameter, " ".join(filter(None, (draft.before.lookup(parameter), entry))))
        return
    raw = draft.after.raw(parameter)
    there = parse(raw)
    if not there:
        draft.set(parameter, entry)
    else:
        draft.set_raw(parameter, insert(raw, 0 if first else len(there), entry))


def _drop(draft: Draft, parameter: str, table: str) -> bool:
    """Have a parameter name an own table no more; whether nothing but Postfix's default is left of it."""
    raw = draft.after.raw(parameter)
    names = (_entry(table), f"{tables.TYPES[table]}:{draft.before.config_directory}/{table}")
    for at, entry in reversed(list(enumerate(parse(raw)))):
        if entry.name in names:
            raw = remove(raw, at)
    left = " ".join(entry.name for entry in parse(raw))
    if left == draft.before.defaults.get(parameter, "") and "#" not in raw:
        draft.unset(parameter)
        return True
    draft.set_raw(parameter, raw)
    return not left


def _some(words: Sequence[str]) -> str:
    """A few words of a list, and how many there are besides."""
    return ", ".join(words) if len(words) <= 8 else f"{', '.join(words[:6])} and {len(words) - 6} others"


CONTROLS: dict[str, Control] = {
    "inbound.blocked_extensions": BlockedExtensions(),
    "outbound.relay_login": RelayPassword(),
}

"""SpamAssassin's own settings: one file of ours in its directory, beside the admin's, which stay so.

Mail from a domain that always signs and has no valid signature of it gets `POINTS`. ADSP (RFC 5617) is
history as a protocol, but SpamAssassin still lets an admin say it of a domain: Mail::SpamAssassin::Conf(3),
Mail::SpamAssassin::Plugin::DKIM(3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mtatui.backends.filters.amavis_values import checks_spam
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters, Written
from mtatui.backends.host import File, Host, HostError, Missing
from mtatui.backends.postfix.controls import Control
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Finding
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import POINTS
from mtatui.settings.plan import Care, Command, Probe
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.postfix.draft import Draft
    from mtatui.backends.postfix.reading import PostfixReading

NAME = "mtatui.cf"
RULE = "MTATUI_UNSIGNED"
_KEY = "filtering.always_signed_domains"
_OVERRIDE = re.compile(r"[ \t]*adsp_override[ \t]+(\S+)(?:[ \t]+(\w+))?[ \t]*(?:#.*)?")
_FILE = """\
# Written by mtatui; what is changed here by hand is lost when it writes this again.
if !plugin(Mail::SpamAssassin::Plugin::DKIM)
  loadplugin Mail::SpamAssassin::Plugin::DKIM
endif
ifplugin Mail::SpamAssassin::Plugin::DKIM
{overrides}
  header   {rule} eval:check_dkim_adsp('D', {domains})
  describe {rule} Claims to be from a domain that always signs, without its signature
  score    {rule} {points}
endif
"""
_MISSING = "SpamAssassin is not installed here (Debian: apt install spamassassin)"


def render(domains: Iterable[str]) -> bytes | None:
    """Our file; None where it would say nothing."""
    named = tuple(domains)
    if not named:
        return None
    overrides = "\n".join(f"  adsp_override {domain}" for domain in named)
    quoted = ", ".join(f"'{domain.removeprefix('*')}'" for domain in named)
    return _FILE.format(overrides=overrides, domains=quoted, rule=RULE, points=POINTS).encode("ascii")


def parse(data: bytes) -> tuple[tuple[str, int], ...]:
    """The domains that a file says always sign, each with its line."""
    lines = enumerate(data.decode("utf-8", "replace").split("\n"), 1)
    return tuple((match[1], number) for number, line in lines if (match := _OVERRIDE.fullmatch(line)))


@dataclass(frozen=True)
class SpamAssassin:
    """SpamAssassin as it is configured, or would be."""

    path: str
    """Of our file."""
    domains: tuple[str, ...] = ()
    was: bytes | None = None
    """Our file as it was read."""
    others: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Domains of which the admin's own files say it, too: the line, the file."""
    trouble: str = ""

    @property
    def data(self) -> bytes | None:
        """Our file as it would be."""
        return self.was if self.domains == _domains(self.was) else render(self.domains)

    def written(self) -> dict[str, Written]:
        """Our file."""
        return {} if self.trouble else {self.path: Written(self.data)}

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterator[Care]:
        """SpamAssassin looks at the staged file; whoever works with its rules takes them anew."""
        if self.path not in edited:
            return
        lint = ("spamassassin", "--lint", "-L", f"--cf=include {{file:{self.path}}}")
        checks = (Command(lint, timeout=60.0),) if self.data else ()
        if filters.amavis is not None and not filters.amavis.trouble:
            yield replace(filters.amavis.taking(filters), checks=checks)
            checks = ()
        if (unit := filters.units.get("spamd")) is not None:
            yield Care(
                "spamd",
                checks=checks,
                running=unit.running,
                expected=filters.amavis is None,
                take=(unit.command("restart"),),
                probe=Probe("spamd", "spamd", "127.0.0.1", 783),
            )

    def findings(self, reading: PostfixReading) -> Iterable[Finding]:
        """Nothing: what may be wrong is said beside the setting."""
        return ()


def _domains(data: bytes | None) -> tuple[str, ...]:
    return tuple(domain for domain, _ in parse(data or b""))


async def read(host: Host, places: Places, files: Files) -> SpamAssassin | None:
    """Read it; None where there is none.

    Raises:
        HostError: the server does not answer.
    """
    for place in places.spamassassin:
        try:
            names = await host.names(place)
        except Missing:
            continue
        except HostError as error:
            return SpamAssassin(place + NAME, trouble=str(error))
        if not any(name.endswith((".pre", ".cf")) for name in names):
            continue
        path = place + NAME
        paths = [place + name for name in names if name.endswith(".cf") and name != NAME]
        found = await host.files([path, *paths])
        files.update(found)
        ours = found[path]
        if isinstance(ours, HostError) and not isinstance(ours, Missing):
            return SpamAssassin(path, trouble=str(ours))
        others = {
            domain: (line, one)
            for one in paths
            if isinstance(file := found[one], File)
            for domain, line in parse(file.data)
        }
        data = ours.data if isinstance(ours, File) else None
        return SpamAssassin(path, _domains(data), data, others)
    return None


class AlwaysSigned:
    """Domains whose mail is forged where it is not signed."""

    def current(self, reading: PostfixReading) -> Current:
        """Which they are."""
        there = reading.filters.spamassassin if reading.filters is not None else None
        if there is None or there.trouble:
            return Current((), (), unavailable=_MISSING if there is None else there.trouble)
        others = [
            f"{clean(domain)} ({path.rpartition('/')[2]}, line {line})"
            for domain, (line, path) in there.others.items()
            if domain not in there.domains
        ]
        return Current(
            there.domains,
            (),
            explicit=bool(there.domains),
            where=f"{NAME}, line {parse(there.was)[0][1]}" if there.was and parse(there.was) else "",
            note="; ".join(
                filter(
                    None,
                    [
                        _idle(reading) if there.domains else "",
                        f"files of your own name more: {', '.join(others)}" if others else "",
                    ],
                )
            ),
        )

    def write(self, draft: Draft, value: Any) -> None:
        """Have it be these."""
        there = draft.filters.spamassassin
        if there is None or there.trouble:
            raise Refused(_MISSING if there is None else there.trouble)
        domains: tuple[str, ...] = ALL[_KEY].kind.load(list(value))
        if there.was is not None and there.was != (render(there.domains) or b""):
            draft.warn(f"{there.path} was changed by hand; that is lost.")
        draft.filters = replace(draft.filters, spamassassin=replace(there, domains=domains))
        draft.say(
            f"Mail from {_some(domains)} without a valid signature of the domain gets {POINTS} points more."
            if domains
            else "No domain is held to sign its mail."
        )
        reading = draft.after
        local = " ".join(
            reading.effective(name)
            for name in ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains")
        )
        if mine := [domain for domain in domains if domain.removeprefix("*.") in re.split(r"[\s,]+", local)]:
            draft.warn(
                f"{', '.join(mine)}: mail of your own users counts as forged, too, where it is scored before "
                "it is signed (amavis signs at the end; a milter at the submission signs in time)."
            )


def _idle(reading: PostfixReading) -> str:
    """Why it has no effect, in words; "" where it has."""
    amavis = reading.filters.amavis if reading.filters is not None else None
    if amavis is None or amavis.trouble:
        return ""
    if not checks_spam(amavis.values):
        return "does nothing: amavis leaves out spam checks"
    on = [
        amavis.get(name) not in (None, "", "0")
        for name in ("$sa_local_tests_only", "$enable_dkim_verification")
    ]
    if on == [True, False]:  # else amavis verifies, and tells SpamAssassin
        return (
            "does nothing: amavis verifies no signatures, and SpamAssassin asks no DNS ($sa_local_tests_only)"
        )
    return ""


def _some(words: tuple[str, ...]) -> str:
    return ", ".join(words) if len(words) <= 6 else f"{', '.join(words[:5])} and {len(words) - 5} others"


CONTROLS: dict[str, Control] = {_KEY: AlwaysSigned()}

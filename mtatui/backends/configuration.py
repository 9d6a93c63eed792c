"""The configuration of one server: read, planned, applied, and what was done to it.

Both faces stand on this. Reading gives a `Reading`; changes over it become a `Plan`, in which nothing has
been touched; applying goes through one program on the server (`mtatui.backends.applying`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from mtatui.backends.host import Host
from mtatui.backends.postfix import reading as postfix
from mtatui.backends.postfix import tables
from mtatui.backends.postfix.controls import Control, Parameter, Unavailable
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Change, Command, Plan

_AMAVIS = "that takes amavis, which is not set up here; Postfix alone tells the sender only"


def _controls() -> dict[str, Control]:
    from mtatui.backends.postfix import controls_lists, controls_tables

    controls: dict[str, Control] = {key: Parameter(setting) for key, setting in ALL.items()}
    controls |= controls_lists.CONTROLS | controls_tables.CONTROLS
    for key in ("inbound.blocked_extensions_notify_admin", "inbound.blocked_extensions_notify_recipient"):
        controls[key] = Unavailable(_AMAVIS)
    return controls


class Configuration:
    """What is set on one server."""

    def __init__(self, host: Host, config_directory: str | None = None, name: str = "") -> None:
        """Nothing is started yet.

        Args:
            config_directory: None for the one that Postfix takes by itself.
            name: what the user calls the server.
        """
        self.host = host
        self.name = name or host.name
        self._config_directory = config_directory

    @cached_property
    def _controls(self) -> dict[str, Control]:
        return _controls()

    def why_not(self) -> str:
        """Why nothing can be changed here; "" where it can."""
        if self.host.read_only:
            return f"{self.name} is open read-only"
        if not self.host.superuser:
            return "only root may do that: run mtatui as root, or with sudo (README)"
        return ""

    async def read(self) -> Reading:
        """Everything that is set now, and what is wrong with it.

        Raises:
            HostError: there is no Postfix or no main.cf, or it may not be read.
        """
        begun = time.monotonic()
        source = await postfix.read(
            self.host, self._config_directory, own=tables.TYPES, looked_into=("smtp_sasl_password_maps",)
        )
        return Reading(
            server=self.name,
            at=time.time(),
            current={key: self._current(key, source) for key in ALL},
            cost=time.monotonic() - begun,
            source=source,
        )

    def _current(self, key: str, source: PostfixReading) -> Current:
        current = self._controls[key].current(source)
        needs = ALL[key].needs
        if needs and source.version < needs:
            wanted = ".".join(map(str, needs))
            return replace(current, unavailable=f"that takes Postfix {wanted} or newer")
        return current

    def plan(self, reading: Reading, changes: Mapping[str, Any]) -> Plan:
        """What the changes would do. Nothing is touched, nothing is asked.

        Args:
            changes: new values by setting key; what is so already, is no change.

        Raises:
            Refused: something cannot be, in words.
        """
        source: PostfixReading = reading.source
        draft = Draft(source)
        made = []
        for key, setting in ALL.items():
            if key not in changes or changes[key] == reading.current[key].value:
                continue
            current = reading.current[key]
            if current.unavailable:
                raise Refused(f"{setting.label}: {current.unavailable}")
            try:
                self._controls[key].write(draft, changes[key])
            except Refused as refused:
                raise Refused(f"{setting.label}: {refused}") from None
            show = setting.kind.show
            made.append(Change(key, setting.label, show(current.value), show(changes[key])))
        edits = draft.edits()
        if not edits:
            return Plan(self.name, (), (), (), source.config_directory)
        return Plan(
            server=self.name,
            changes=tuple(made),
            words=tuple(draft.words),
            edits=edits,
            directory=source.config_directory,
            checks=_CHECKS,
            reload=(Command(("postfix", "-c", source.config_directory, "reload")),),
            cautions=tuple(draft.cautions),
        )


#: What must not be complained of in the staged copy. Exit statuses prove nothing.
_CHECKS = (Command(("postfix", "-c", "{stage}", "check"), refuses=r"\b(fatal|error|panic):"),)

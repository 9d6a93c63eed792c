"""What doctor says of filters: those found with version and place, those missing with the package; calmly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from mtatui.backends.filters import doctor
from mtatui.backends.filters.places import Places
from mtatui.backends.host import Completed, File, HostError, Missing, TimedOut
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.doctor import Finding, Level
from mtatui.backends.services import Service

SAID = {
    "amavisd": b"amavisd-new-2.13.0 (20230106)\n",
    "spamassassin": b"SpamAssassin version 4.0.1\n  running on Perl version 5.36.0\n",
    "clamd": b"ClamAV 1.4.6\n",
    "opendkim": b"opendkim: OpenDKIM Filter v2.11.0\n\tCompiled with OpenSSL 3.0.9\n",
}


class Played(LocalHost):
    """A host with some programs and some files."""

    def __init__(self, programs: Iterable[str], places: Iterable[str], hangs: str = "") -> None:
        super().__init__("mx")
        self._programs, self._there, self._hangs = set(programs), set(places), hangs

    async def run(self, argv: Sequence[str], **other: Any) -> Completed:
        if argv[0] == self._hangs:
            raise TimedOut(f"{argv[0]} did not end within 15 seconds")
        if argv[0] not in self._programs:
            raise Missing(f"There is no {argv[0]} on mx.")
        return Completed(tuple(argv), 0, SAID[argv[0]], b"", 0.1)

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        there = HostError("it is no ordinary file")
        return {path: there if path in self._there else Missing(f"There is no {path}") for path in paths}


def examined(host: Played, *services: Service) -> dict[str, Finding]:
    found = asyncio.run(doctor.examine(host, Places(), services))
    return {program.name: finding for program, finding in zip(doctor.PROGRAMS, found, strict=True)}


def test_what_is_there_is_told_with_its_version_and_where_it_is_configured() -> None:
    host = Played(SAID, ["/etc/amavis/conf.d/", "/etc/spamassassin/", "/etc/clamd.d/scan.conf"])
    amavis = Service("amavis", "Antispam", "content_filter", True, answering=True)
    clamd = Service(
        "clamd", "Antivirus", "/etc/clamd.d/scan.conf", False, answering=False, said="not running"
    )
    found = examined(host, amavis, clamd)
    assert found["amavis"].found == "amavis 2.13.0, /etc/amavis/conf.d/, answers"
    assert found["SpamAssassin"].found == "SpamAssassin 4.0.1, /etc/spamassassin/, within amavis"
    assert found["clamd"].found == "clamd 1.4.6, /etc/clamd.d/scan.conf, not running"
    assert found["clamd"].level is Level.WARNING
    assert {found[name].level for name in ("amavis", "SpamAssassin")} == {Level.OK}


def test_what_is_missing_is_a_note_with_the_package_and_nothing_is_bad() -> None:
    found = examined(Played([], []))
    assert {finding.level for finding in found.values()} == {Level.NOTE}
    for name, package in (
        ("amavis", "amavisd-new"), ("SpamAssassin", "spamassassin"), ("clamd", "clamav-daemon"),
        ("freshclam", "clamav-freshclam"), ("OpenDKIM", "opendkim"),
    ):  # fmt: skip
        assert "not installed" in found[name].found
        assert f"apt install {package}" in found[name].advice


def test_what_postfix_does_not_ask_for_is_told_so() -> None:
    found = examined(Played(SAID, ["/etc/opendkim.conf"]), Service("opendkim", "DKIM", "", advice="name it"))
    assert "Postfix does not ask for it" in found["OpenDKIM"].found
    assert found["OpenDKIM"].advice == "name it"
    assert "README.postfix" in found["amavis"].advice


def test_one_that_hangs_keeps_nobody_from_the_others() -> None:
    found = examined(Played(SAID, [], hangs="amavisd"))
    assert "did not end" in found["amavis"].found
    assert "4.0.1" in found["SpamAssassin"].found

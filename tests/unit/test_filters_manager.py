"""Who manages services there, and what they are called; and a server as it would be with other files."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mtatui.backends.filters.manager import Manager, Unit, find
from mtatui.backends.filters.overlay import Overlay
from mtatui.backends.filters.places import Places
from mtatui.backends.host import File, Missing
from mtatui.backends.host_local import LocalHost

FULL = {
    "/etc/systemd/system/": ("clamd@scan.service.d",),
    "/usr/lib/systemd/system/": ("amavisd.service", "clamd@.service", "clamav-freshclam.service"),
    "/etc/init.d/": ("amavis", "clamav-daemon", "spamd"),
}


class There(LocalHost):
    """A machine with these directories."""

    def __init__(self, directories: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.directories = directories

    async def names(self, directory: str) -> tuple[str, ...]:
        if directory not in self.directories:
            raise Missing(f"There is no {directory}.")
        return self.directories[directory]

    def can(self, command: str) -> bool:
        return True


async def test_systemd_where_it_runs() -> None:
    manager, units = await find(There({**FULL, "/run/systemd/system/": ()}), Places())
    assert manager is Manager.SYSTEMD
    assert {service: unit.name for service, unit in units.items()} == {
        "amavis": "amavisd", "clamd": "clamd@scan", "freshclam": "clamav-freshclam",
    }  # fmt: skip
    assert str(units["clamd"].command("restart")) == "systemctl restart clamd@scan.service"
    assert str(units["clamd"].running) == "systemctl is-active --quiet clamd@scan.service"


async def test_init_scripts_elsewhere() -> None:
    manager, units = await find(There(FULL), Places())
    assert manager is Manager.SYSV
    assert {service: unit.name for service, unit in units.items()} == {
        "amavis": "amavis", "clamd": "clamav-daemon", "spamd": "spamd",
    }  # fmt: skip
    assert str(units["amavis"].command("restart")) == "service amavis restart"
    assert str(units["amavis"].running) == "service amavis status"


@pytest.mark.parametrize(("deed", "word"), [("reload", "force-reload"), ("start", "start")])
def test_init_scripts_know_a_reload_by_another_name(deed: str, word: str) -> None:
    assert str(Unit(Manager.SYSV, "amavis").command(deed)) == f"service amavis {word}"


async def test_nobody() -> None:
    assert await find(There({}), Places()) == (Manager.NONE, {})


async def test_as_it_would_be() -> None:
    real = There({"/etc/d/": ("a", "b")})
    host = Overlay(real, {"/etc/d/a": None, "/etc/d/c": b"new", "/etc/hostname": b"other"})
    assert await host.names("/etc/d/") == ("b", "c")
    files = await host.files(["/etc/d/a", "/etc/d/c", "/etc/hostname", "/etc/passwd"])
    assert isinstance(files["/etc/d/a"], Missing)
    there = {path: file.data for path, file in files.items() if isinstance(file, File)}
    assert there.keys() == {"/etc/d/c", "/etc/hostname", "/etc/passwd"}
    assert there["/etc/hostname"] == b"other"
    assert b"root:" in there["/etc/passwd"]

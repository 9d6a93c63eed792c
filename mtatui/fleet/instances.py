"""The instances of Postfix on one machine (postmulti(1), MULTI_INSTANCE_README): found, and taken in."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError
from mtatui.config import ServerEntry
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.fleet import Fleet
    from mtatui.server import Server

#: Seconds for ``postmulti -l``.
PATIENCE = 20.0

_LINE = re.compile(r"(\S+)\s+(\S+)\s+([yn])\s+(/.*)")


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance, as ``postmulti -l`` lists it. What it does not have is ""."""

    name: str
    group: str
    enabled: bool
    config_directory: str


def instances(server: Server) -> list[Instance]:
    """The instances of Postfix where a server is, the default one first; [] where there is only that. Blocks.

    Raises:
        HostError: there is no Postfix, or postmulti does not say.
    """
    if not server.facts.several:
        return []
    child = server.host.child(["postmulti", "-l"])
    try:
        out, err = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        child.kill()
        child.communicate()
        raise HostError(f"postmulti on {server.name} did not answer within {PATIENCE:g} seconds.") from error
    if child.returncode != 0:
        why = clean(err.decode("utf-8", "replace").strip().rpartition("\n")[2])
        raise HostError(f"postmulti on {server.name} does not list its instances: {why}")
    return parse(out.decode("utf-8", "replace"))


def parse(listed: str) -> list[Instance]:
    """What ``postmulti -l`` prints: name, group, whether it is enabled, where it is configured."""
    found = []
    for line in listed.splitlines():
        if match := _LINE.fullmatch(clean(line).strip()):
            name, group, enabled, directory = match.groups()
            found.append(Instance(name.strip("-"), group.strip("-"), enabled == "y", directory))
    return found


def take_in(fleet: Fleet) -> list[str]:
    """Take in the other instances of a lone server on this machine, each under its own name; whom. Blocks.

    The default instance is called after its directory ("postfix") then, for by their host names they could
    not be told apart. Those that are not enabled are left out.

    Raises:
        HostError: as `instances`.
    """
    if fleet.many or fleet.servers[0].far or fleet.servers[0].config_directory is not None:
        return []
    alone = fleet.servers[0]
    found = instances(alone)
    others = [one for one in found[1:] if one.enabled]
    if not others:
        return []
    alone.name = _name(found[0])
    taken = []
    for one in others:
        tags = (one.group,) if one.group else ()
        entry = ServerEntry(_name(one), config_directory=one.config_directory, tags=tags)
        try:
            taken.append(fleet.add(entry).name)
        except ValueError as error:
            raise HostError(f"An instance of Postfix is left out: {error}.") from error
    return taken


def _name(instance: Instance) -> str:
    return instance.name or instance.config_directory.rstrip("/").rpartition("/")[2]

"""What kind of Postfix a server is: asked once, by one blocking and quick `postconf`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from mtatui.backends.host import Host, HostError, Missing
from mtatui.text import clean

_PARAMETERS = (
    "mail_version",
    "config_directory",
    "queue_directory",
    "hash_queue_names",
    "hash_queue_depth",
    "maximal_queue_lifetime",
    "bounce_queue_lifetime",
    "myhostname",
    "multi_instance_directories",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server's Postfix is, as `postconf` says. Lifetimes are seconds (postconf(5) time units)."""

    hostname: str
    version: str
    config_directory: str
    queue_directory: str
    hash_names: str
    hash_depth: int
    lifetime: int
    bounce_lifetime: int
    several: bool = False
    """It is one of several instances of Postfix there (postmulti(1))."""

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to compare: (3, 7, 11)."""
        return tuple(int(number) for number in re.findall(r"\d+", self.version)[:3])

    def expires(self, arrival: int, sender: str) -> int:
        """When a message that cannot be delivered goes back to its sender (epoch seconds; qmgr(8))."""
        return arrival + (self.lifetime if sender else self.bounce_lifetime)


def ask(host: Host, config_directory: str | None) -> Facts:
    """The facts.

    Raises:
        HostError: there is no Postfix, or none that answers.
    """
    where = ["-c", config_directory] if config_directory else []
    child = host.child(["postconf", *where, *_PARAMETERS])
    try:
        out, err = child.communicate(timeout=20)
    except subprocess.TimeoutExpired as error:
        child.kill()
        child.communicate()
        raise HostError(f"postconf on {host.name} did not answer within 20 seconds.") from error
    said = dict(
        line.partition(" = ")[::2] for line in clean(out.decode("utf-8", "replace"), lines=True).splitlines()
    )
    if child.returncode != 0 or not said.get("queue_directory"):
        why = (
            clean(err.decode("utf-8", "replace").strip().splitlines()[-1])
            if err.strip()
            else "it said nothing"
        )
        raise Missing(f"No working Postfix on {host.name}: {why}. Is this its configuration directory (-c)?")
    return Facts(
        hostname=said["myhostname"],
        version=said["mail_version"],
        config_directory=said["config_directory"],
        queue_directory=said["queue_directory"],
        hash_names=said["hash_queue_names"],
        hash_depth=int(said["hash_queue_depth"]),
        lifetime=seconds(said["maximal_queue_lifetime"]),
        bounce_lifetime=seconds(said["bounce_queue_lifetime"]),
        several=bool(said.get("multi_instance_directories")),
    )


def seconds(time: str) -> int:
    """A Postfix time ("5d", "300s") in seconds; without a unit it is days, as for these two parameters."""
    match = re.fullmatch(r"(\d+)\s*([smhdw]?)", time.strip())
    if match is None:
        return 0
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "": 86400}[match[2]]

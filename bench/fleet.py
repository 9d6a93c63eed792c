"""Servers over ssh: fifty at once, one that is large, one far away; through a private sshd on loopback.

What they are made of is all on this machine, which does the servers' work besides its own: fifty of them have
its cores to themselves in real life.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.face import KEYS
from bench.figures import Figure, NotMeasured
from bench.generate import generate
from bench.ground import Ground, memory, mtatui, timed
from bench.inside import Inside
from mtatui.backends.demo.writer import Draft, To, postfix_owner, write
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy
from tests.tui.terminal import Terminal

SERVERS, EACH = 50, 2000
#: How many of them are measured alone, to find the slowest.
ALONE = 5
#: Seconds that a network far away takes there and back, and how long idling is watched.
ROUND_TRIP, IDLE = 0.2, 30.0
#: Round trips that an action may take.
TRIPS = 3
_PATIENCE = 240.0


@dataclass
class Far:
    """Servers behind a private sshd; what goes to them and comes back is counted, and may take its time."""

    sshd: Sshd
    wire: Proxy
    folder: Path

    def started(self, *servers: tuple[str, str]) -> contextlib.AbstractContextManager[Inside]:
        """A fleet of these, by name and configuration directory, in a process of its own."""
        entries = [{"name": name, "host": name, "config_directory": config} for name, config in servers]
        file = self.folder / f"fleet-{len(list(self.folder.iterdir()))}.json"
        file.write_text(json.dumps({"servers": entries, "ssh_config": str(self.sshd.config)}))
        return contextlib.closing(Inside(str(file), module="bench.many"))

    def face(self, *servers: tuple[str, str]) -> Terminal:
        """The terminal face of these."""
        home = self.folder / "config" / "mtatui"
        home.mkdir(parents=True, exist_ok=True)
        entries = [
            f'[[servers]]\nname = "{name}"\nhost = "{name}"\nconfig_directory = "{config}"\n'
            for name, config in servers
        ]
        text = f'ssh_config = "{self.sshd.config}"\n' + "".join(entries)
        (home / "config.toml").write_text(text)
        return Terminal(mtatui(), env={"XDG_CONFIG_HOME": str(home.parent)})

    def alias(self, name: str) -> None:
        """Have a name lead to the sshd over the counted wire."""
        self.sshd.alias(name, Port=self.wire.port)


@contextlib.contextmanager
def _far(ground: Ground) -> Iterator[Far]:
    with Sshd() as sshd, Proxy(sshd.port) as wire, tempfile.TemporaryDirectory(dir=ground.root) as folder:
        yield Far(sshd, wire, Path(folder))


@contextlib.contextmanager
def _spools(ground: Ground) -> Iterator[list[tuple[str, str]]]:
    """Fifty queues: what each server is called, and its configuration directory."""
    with tempfile.TemporaryDirectory(dir=ground.root) as folder:
        ground.say(f"making {SERVERS} queues of {EACH:,} messages")
        servers = []
        for number in range(SERVERS):
            root = Path(folder, f"mail{number:02}")
            root.mkdir()
            generate(root, EACH, config=True, seed=number + 1)
            servers.append((root.name, f"{root}/etc"))
        Path(folder).chmod(0o755)
        os.sync()
        yield servers


def remote(ground: Ground) -> Iterator[Figure]:
    """One large queue over ssh: time and bytes, against ``ssh host postqueue -j``; then nothing changes."""
    with _far(ground) as far:
        far.sshd.alias("near")
        far.alias("counted")
        config = ground.config

        def ours() -> float:
            with far.started(("near", config)) as inside:
                return float(inside.ask("open")["whole"]["near"])

        def peer() -> float:
            return timed(_listing(far, "near", config))

        yield Figure(
            "remote",
            "whole index over ssh, against ssh host postqueue -j",
            "s",
            *ground.pairs(ours, peer),
            1.3,
        )
        before = _bytes(far)
        timed(_listing(far, "counted", config))
        listed = _bytes(far) - before
        with far.started(("counted", config)) as inside:
            before = _bytes(far)
            inside.ask("open")
            yield Figure(
                "remote",
                "  bytes on the wire, both ways, likewise",
                "bytes",
                _bytes(far) - before,
                listed,
                0.5,
            )
            time.sleep(2.1)  # until then the directories are too young to be believed
            looks = []
            for _ in range(ground.rounds):
                before = _bytes(far)
                inside.ask("again", "counted")
                looks.append(_bytes(far) - before)
        yield Figure(
            "remote",
            "refresh over ssh, nothing changed: bytes",
            "bytes",
            statistics.median(looks),
            None,
            2000,
        )


def fleet(ground: Ground) -> Iterator[Figure]:
    """Fifty servers: first rows, all rows, what one costs that hangs; bytes and memory at rest."""
    with _far(ground) as far, _spools(ground) as servers, _mute() as port:
        for name, _ in servers:
            far.sshd.alias(name)
        far.sshd.alias("hangs", Port=port)
        alone = []
        for server in servers[:ALONE]:
            ground.quiet()
            with far.started(server) as inside:
                alone.append(float(inside.ask("open")["first"]))
        firsts, wholes, hung = [], [], []
        for _ in range(min(3, ground.rounds)):
            ground.quiet()
            with far.started(*servers) as inside:
                answer = inside.ask("open")
                if answer["messages"] != SERVERS * EACH:
                    raise NotMeasured(f"{answer['messages']:,} messages of {SERVERS * EACH:,} were read")
                firsts.append(answer["first"])
                wholes.append(max(answer["whole"].values()))
            ground.quiet()
            with far.started(("hangs", servers[0][1]), *servers[1:]) as inside:
                answer = inside.ask("open", "hangs")
                hung.append(max(answer["whole"].values()))
            ground.say(f"first {firsts[-1]:.2f}, whole {wholes[-1]:.2f}, with one that hangs {hung[-1]:.2f}")
        what = f"{SERVERS} servers × {EACH:,}: first rows, against the slowest of {ALONE} alone"
        whole = statistics.median(wholes)
        yield Figure("fleet", what, "s", statistics.median(firsts), max(alone), 1.5)
        yield Figure("fleet", "  until the last is whole (this machine does their work, too)", "s", whole)
        yield Figure(
            "fleet", "  the same while one hangs, against none", "s", statistics.median(hung), whole, 1.1
        )
    yield from _at_rest(ground)


def _at_rest(ground: Ground) -> Iterator[Figure]:
    with _far(ground) as far, _spools(ground) as servers:
        for name, _ in servers:
            far.alias(name)
        with far.face(*servers) as terminal:
            terminal.until(lambda screen: f"{SERVERS} live" in screen.lines[0], _PATIENCE)
            terminal.settle(5.0, 60.0)
            size = memory(terminal.pid)
            before, began = _bytes(far), time.monotonic()
            while (left := began + IDLE - time.monotonic()) > 0:
                terminal.read(left)
            traffic = (_bytes(far) - before) / SERVERS / IDLE
            waits = sorted(terminal.press("j").latency * 1000 for _ in range(KEYS))
        yield Figure("fleet", f"{SERVERS} servers: memory, UI and every ssh", "MB", size, None, 300)
        yield Figure("fleet", "  at rest: bytes a second and server", "bytes", traffic, None, 2000)
        yield Figure("fleet", "  key to last byte, the slowest of 200", "ms", waits[-1], None, 50)


#: What is done to a server far away: by what it is called in the table ("again": it only leads to what comes
#: then), what `bench.many` is told.
ACTIONS: dict[str, tuple[str, ...]] = {
    "hold": ("act", "hold", "away", "10"),
    "look for what can be undone": ("look_back",),
    "undo of a hold": ("undo",),
    "requeue": ("act", "requeue", "away", "10"),
    "bounce": ("act", "bounce", "away", "10"),
    "delete": ("act", "delete", "away", "10"),
    "restore from the trash": ("again_to", "restore"),
    "release": ("again_to", "release"),
    "again delete": ("again_to", "delete"),
    "again look": ("look_back",),
    "undo of a delete": ("undo",),
    "again delete others": ("act", "delete", "away", "10"),
    "show the trash": ("trash", "away"),
    "empty the trash": ("empty", "away"),
    "hold 1,000": ("act", "hold", "away", "1000"),
    "show a message": ("show", "away"),
    "deliver 20 now": ("act", "deliver", "alive", "20"),
    "flush": ("flush", "alive"),
}


def far(ground: Ground) -> Iterator[Figure]:
    """A server 200 ms away: keys answer at once, and no action takes more than three round trips.

    Round trips are counted on the wire. What they take is how much longer an action lasts than at no distance
    in the same run: what the server has to do by itself is not in it.
    """
    with _far(ground) as there, _alive() as alive:
        there.alias("away")
        there.alias("alive")
        took: dict[float, dict[str, list[float]]] = {}
        trips: dict[str, int] = {}
        with there.started(("away", ground.config), ("alive", alive)) as inside:
            inside.ask("open")
            inside.ask("stand_still")
            for delay in (0.0, ROUND_TRIP):
                there.wire.delay = delay / 2
                times = took[delay] = {}
                trips.clear()
                for _ in range(ground.rounds):
                    ground.quiet()
                    for name, command in ACTIONS.items():
                        answer = inside.ask(*command)
                        if not answer["ok"]:
                            raise NotMeasured(f"{name}: {answer['told']}")
                        times.setdefault(name, []).append(answer["seconds"])
                        trips[name] = max(answer["trips"], trips.get(name, 0))
            there.wire.delay = 0.0
        for name, count in trips.items():
            if not name.startswith("again"):
                longer = min(took[ROUND_TRIP][name]) - min(took[0.0][name])
                what = f"{name}, {ROUND_TRIP * 1000:.0f} ms away: round trips"
                yield Figure("far", what, "trips", count, None, TRIPS)
                yield Figure("far", "  which take", "s", longer)
        with there.face(("away", ground.config)) as terminal:
            terminal.until(
                lambda screen: "reading" not in screen.text and len(screen.lines[5]) > 20, _PATIENCE
            )
            terminal.settle(1.5)
            there.wire.delay = ROUND_TRIP / 2
            ground.quiet()
            waits = sorted(terminal.press("j").latency * 1000 for _ in range(KEYS))
            there.wire.delay = 0.0
        yield Figure(
            "far",
            f"key to last byte, {ROUND_TRIP * 1000:.0f} ms away, median",
            "ms",
            statistics.median(waits),
        )
        yield Figure("far", "  the slowest of 200", "ms", waits[-1], None, 50)


def _listing(far: Far, host: str, config: str) -> Sequence[str]:
    return ["ssh", "-F", str(far.sshd.config), "--", host, f"postqueue -c {config} -j"]


def _bytes(far: Far) -> int:
    return far.wire.sent + far.wire.received


@contextlib.contextmanager
def _alive() -> Iterator[str]:
    """A Postfix that runs, with messages for a host that is dead; its configuration directory."""
    with PostfixInstance() as instance:
        draft = Draft([To("r@dead.test")], sender="s@sender.test", arrival=time.time(), state="deferred")
        for _ in range(EACH // 5):
            write(instance.queue, draft, long_id=True, owner=postfix_owner())
        yield str(instance.config)


@contextlib.contextmanager
def _mute() -> Iterator[int]:
    """A port where somebody takes every call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port

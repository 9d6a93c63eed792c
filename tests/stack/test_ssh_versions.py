"""Servers whose Postfix is not the one that is here, behind real sshds: what an older one cannot do is said
before anything is begun, and everything else is done there as anywhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mtatui.config import ServerEntry
from mtatui.config.writing import put_server, save
from mtatui.fleet import Fleet
from mtatui.fleet.checking import check
from mtatui.queue.message import State
from mtatui.queue.selection import Result, Selection
from mtatui.server import Server
from mtatui.verbs import BOUNCE, DELETE, HOLD
from tests.stack.fleet import frozen, told
from tests.stack.older import called, older
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
#: Debian 10's, the one that is here, and a snapshot.
VERSIONS = {"old": "3.4.23", "mx1": "", "new": "3.9-20231012"}
WHY = "bounce needs Postfix 3.5 or newer; old has 3.4.23"


@pytest.fixture(scope="module")
def instances() -> Iterator[dict[str, PostfixInstance]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(PostfixInstance()) for name in VERSIONS}


@pytest.fixture(scope="module")
def sshds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sshd]]:
    over = {
        "old": older(tmp_path_factory.mktemp("old"), VERSIONS["old"]),
        "mx1": {},
        "new": called(tmp_path_factory.mktemp("new"), VERSIONS["new"]),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(Sshd(over=over[name])) for name in VERSIONS}


@pytest.fixture
def fleet(instances: dict[str, PostfixInstance], sshds: dict[str, Sshd]) -> Iterator[Fleet]:
    """Three servers with two deferred messages each, everything known of them."""
    for instance in instances.values():
        instance.run("postsuper", "-d", "ALL")
        for number in range(2):
            instance.send("a@sender.test", f"full-{number}@ok.test")
        instance.settle()
    fleet = Fleet(
        Server(sshds[name].host(name), str(instance.config), name, far=True)
        for name, instance in instances.items()
    )
    try:
        yield fleet
    finally:
        fleet.close()


async def test_each_has_its_own_version_and_a_check_says_what_is_lacking(fleet: Fleet) -> None:
    for name in VERSIONS:
        findings = await check(fleet.server(name))
        assert all(finding.ok for finding in findings), findings
        said = {finding.found for finding in findings if finding.check == "bounce"}
        assert bool(said) == (name == "old")
    assert fleet.server("old").facts.version == "3.4.23"
    assert fleet.server("mx1").facts.release[:2] == (3, 7)
    assert fleet.server("new").facts.release[:2] == (3, 9)


async def test_bounce_is_greyed_where_all_that_is_chosen_is_too_old(fleet: Fleet) -> None:
    targets = frozen(fleet).targets
    for name in VERSIONS:
        keys = [target.identity.id for target in targets if target.identity.id.startswith(f"{name}/")]
        why = fleet.why_not(BOUNCE, [State.DEFERRED], keys)
        assert why == (WHY if name == "old" else "")
        assert fleet.why_not(HOLD, [State.DEFERRED], keys) == ""
    # Of several some can: the others are told one by one.
    assert fleet.why_not(BOUNCE, [State.DEFERRED], [target.identity.id for target in targets]) == ""


async def test_what_all_can_do_is_done_on_all_and_what_one_cannot_is_its_alone(
    fleet: Fleet, instances: dict[str, PostfixInstance]
) -> None:
    everything = frozen(fleet)
    before = instances["old"].queue_ids("deferred")
    outcome = await fleet.act(BOUNCE, everything)
    assert {(server, result) for server, result, _ in told(outcome)} == {
        ("old", "failed"),
        ("mx1", "done"),
        ("new", "done"),
    }
    [why] = {text for server, _, text in told(outcome) if server == "old"}
    assert "Bounce needs Postfix 3.5 or newer; old has 3.4.23" in why
    assert instances["old"].queue_ids("deferred") == before
    there = Selection(tuple(t for t in everything.targets if t.identity.id.startswith("old/")), "", 0)
    for verb, states in ((HOLD, ["hold"]), (DELETE, [])):
        assert all(r.result is Result.DONE for r in (await fleet.act(verb, there)).receipts)
        assert instances["old"].queue_ids("hold", "deferred") == (before if states else set())
        assert (await fleet.undo()).ok
    assert instances["old"].queue_ids("hold", "deferred") == before


async def test_without_python_an_older_list_is_read_as_any(
    tmp_path: Path, instances: dict[str, PostfixInstance]
) -> None:
    with Sshd(python=False, over=older(tmp_path, "3.4.23")) as sshd:
        server = Server(sshd.host("old"), str(instances["old"].config), "old", far=True)
        found = {finding.check: finding for finding in await check(server)}
        assert found["postfix"].ok
        assert found["queue"].found.startswith(
            f"{len(instances['old'].queue_ids('deferred', 'hold'))} messages"
        )
        server.close()


def test_the_command_line_says_it(
    tmp_path: Path, instances: dict[str, PostfixInstance], sshds: dict[str, Sshd]
) -> None:
    config = tmp_path / "mtatui" / "config.toml"
    save(config, ("ssh_config",), str(sshds["old"].config))
    sshds["old"].alias("old")
    put_server(config, ServerEntry("old", "old", config_directory=str(instances["old"].config)))
    id = instances["old"].send("a@sender.test", "full-9@ok.test")
    instances["old"].settle()
    done = subprocess.run(
        [sys.executable, "-m", "mtatui", "queue", "bounce", id, "--yes", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "250"},
    )  # fmt: skip
    assert done.returncode != 0
    assert "needs Postfix 3.5 or newer; old has 3.4.23" in done.stdout + done.stderr
    assert id in instances["old"].queue_ids("deferred")

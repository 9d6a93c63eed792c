"""A change over three real Postfixes behind a real sshd: by command line, and with a link cut on its way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mtatui.backends import applying
from mtatui.backends.applying import Step
from mtatui.config import ServerEntry
from mtatui.config.writing import put_server, save
from mtatui.fleet import waves as rolling
from mtatui.fleet.prepared import prepare, waves
from mtatui.fleet.shares import Became, Share
from mtatui.fleet.waves import Rollout
from mtatui.server import Server
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
HELO = "inbound.smtpd_helo_required"
WANTED = {HELO: True}
NAMES = ("mx1", "mx2", "mx3")


@pytest.fixture(scope="module")
def instances() -> Iterator[dict[str, PostfixInstance]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(PostfixInstance(myhostname=f"{name}.stack.test")) for name in NAMES}


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as sshd:
        yield sshd


@pytest.fixture
def main_cf(instances: dict[str, PostfixInstance]) -> Iterator[Callable[[], dict[str, bytes]]]:
    """The bytes of main.cf on each; they are the old ones again afterwards."""

    def read() -> dict[str, bytes]:
        return {name: (one.config / "main.cf").read_bytes() for name, one in instances.items()}

    before = read()
    yield read
    for name, one in instances.items():
        if read()[name] != before[name]:
            (one.config / "main.cf").write_bytes(before[name])
            one.run("postfix", "reload")


@pytest.fixture
def mtatui(
    tmp_path: Path, sshd: Sshd, instances: dict[str, PostfixInstance]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Commands over all of them, as their config file names them."""
    config = tmp_path / "mtatui" / "config.toml"
    save(config, ("ssh_config",), str(sshd.config))
    for name, one in instances.items():
        sshd.alias(name)
        put_server(config, ServerEntry(name, name, config_directory=str(one.config)))

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "mtatui", *arguments],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/bin", "XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "200"},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_a_profile_for_all_by_command_line(
    mtatui: Callable[..., subprocess.CompletedProcess[str]],
    instances: dict[str, PostfixInstance],
    main_cf: Callable[[], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    before = main_cf()
    profile = tmp_path / "profile.toml"
    profile.write_text("[inbound]\nsmtpd_helo_required = true\n")
    mtatui("settings", "diff", str(profile), code=1)
    refused = mtatui("settings", "apply", str(profile), "--yes", code=2)
    assert "--server NAME" in refused.stderr
    assert main_cf() == before
    done = mtatui("--server", "all", "settings", "apply", str(profile), "--yes", "--canary", "mx2", "--json")
    servers = {one["server"]: one for one in json.loads(done.stdout)["servers"]}
    assert {name: (one["wave"], one["outcome"]) for name, one in servers.items()} == {
        "mx1": (2, "applied"),
        "mx2": (1, "applied"),
        "mx3": (2, "applied"),
    }
    assert {one.postconf("smtpd_helo_required") for one in instances.values()} == {"yes"}
    mtatui("settings", "diff", str(profile))
    for name, one in servers.items():
        mtatui("--server", name, "history", "undo", one["entry"], "--yes")
    assert main_cf() == before


def rolled(servers: list[Server], told: Callable[[Share, Step | None], None]) -> Rollout:
    async def work() -> Rollout:
        prepared = await prepare(servers, WANTED, lambda _: WANTED)
        assert [one.error for one in prepared] == [None] * len(servers)
        rollout = Rollout(prepared, waves(prepared, "", 1))
        await rollout.run(told)
        return rollout

    try:
        return asyncio.run(work())
    finally:
        for server in servers:
            server.close()


def far(instances: dict[str, PostfixInstance], sshd: Sshd, proxy: Proxy, prefix: str) -> list[Server]:
    """The servers behind sshd, the second one over a wire that can be cut."""
    sshd.alias(f"{prefix}-mx2", Port=proxy.port)
    return [
        Server(sshd.host(f"{prefix}-{name}"), str(one.config), name, far=True)
        for name, one in instances.items()
    ]


@pytest.mark.parametrize(
    "moment", ["record done", "check begins", "replace done", "reload begins", "probe begins"]
)
def test_a_cut_link_takes_its_server_back_and_the_first_one_with_it(
    instances: dict[str, PostfixInstance],
    sshd: Sshd,
    main_cf: Callable[[], dict[str, bytes]],
    moment: str,
) -> None:
    before = main_cf()
    with Proxy(sshd.port) as proxy:

        def told(share: Share, step: Step | None) -> None:
            if step is not None and share.name == "mx2" and f"{step.name} {step.state}" == moment:
                proxy.cut()

        rollout = rolled(far(instances, sshd, proxy, moment.replace(" ", "-")), told)
    texts = [share.text for share in rollout.shares]
    became = [share.became for share in rollout.shares]
    if became[1] is Became.APPLIED:  # it had come to its end before the cut was heard of
        assert became == [Became.APPLIED] * 3, texts
        return
    touched = moment.partition(" ")[0] not in ("record", "check")
    assert became == [
        Became.TAKEN_BACK,
        Became.ROLLED_BACK if touched else Became.REFUSED,
        Became.NOT_BEGUN,
    ], texts
    assert main_cf() == before
    assert all(one.wait_until(one._greets, "a greeting") for one in instances.values())


def test_who_is_not_reached_again_is_unknown_here_and_goes_back_there(
    instances: dict[str, PostfixInstance],
    sshd: Sshd,
    main_cf: Callable[[], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rolling, "FINDING_OUT", 3.0)
    monkeypatch.setattr(applying, "FINDING_OUT", 3.0)
    before = main_cf()
    with Proxy(sshd.port) as proxy:

        def told(share: Share, step: Step | None) -> None:
            if step is not None and share.name == "mx2" and step.name == "reload":
                proxy.refuse()
                proxy.cut()

        rollout = rolled(far(instances, sshd, proxy, "lost"), told)
    assert [share.became for share in rollout.shares] == [
        Became.TAKEN_BACK,
        Became.UNKNOWN,
        Became.NOT_BEGUN,
    ]
    assert "goes back by itself" in rollout.shares[1].text
    instances["mx2"].wait_until(lambda: main_cf() == before, "the guard", 60)

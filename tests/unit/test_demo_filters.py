"""The demo's filters: read, changed, updated, signed and judged by the code that does so on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mtatui.backends.applying import Ending
from mtatui.backends.host_demo import DemoHost
from mtatui.backends.verdicts import State
from mtatui.queue.query import parse
from mtatui.queue.views import Sort
from mtatui.server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    demo = DemoHost()
    server = Server(demo, name="demo", filter_places=demo.places)
    yield server
    server.close()


async def test_the_page_has_a_value_for_everything(server: Server) -> None:
    reading = await server.configuration.read()
    filtering = {key: now for key, now in reading.current.items() if key.startswith("filtering.")}
    assert {key: now.unavailable for key, now in filtering.items() if now.unavailable} == {}
    assert filtering["filtering.spam_kill_percent"].value == 75
    assert filtering["filtering.spam_tag_percent"].where == "20-debian_defaults, line 7"
    assert filtering["filtering.custom_signatures"].value == ("ours.ndb",)
    assert filtering["filtering.antivirus"].value is True


async def test_a_change_of_all_of_them_is_applied_and_undone(server: Server) -> None:
    configuration = server.configuration
    wanted = {
        "filtering.spam_tag_percent": 33.0,
        "filtering.spam_destiny": "discard",
        "filtering.check_outgoing": False,
        "filtering.block_encrypted_archives": True,
        "filtering.always_signed_domains": ("bank.example",),
        "filtering.update_frequency": 420,
    }
    before = await configuration.read()
    applied = await configuration.apply(configuration.plan(before, wanted))
    assert applied.outcome is Ending.APPLIED, applied
    now = await configuration.read()
    assert {key: now.current[key].value for key in wanted} == wanted
    undone = await configuration.apply(
        await configuration.undo_plan(await configuration.entry(applied.entry_id))
    )
    assert undone.outcome is Ending.APPLIED, undone
    after = await configuration.read()
    assert {key: after.current[key].value for key in wanted} == {
        key: before.current[key].value for key in wanted
    }


async def test_signatures_are_looked_at_and_updated(server: Server) -> None:
    heard: list[str] = []
    updated = await server.signatures.update(heard.append)
    assert updated.ok
    assert updated.text == "New: daily.cld 27825 (512 B)."
    assert "Database test passed." in heard


async def test_one_domain_is_published_and_one_is_not(server: Server) -> None:
    found = await server.dkim.check(await server.dkim.list())
    assert {one.domain: str(one.published.standing) for one in found.identities if one.published} == {
        "example.test": "matches",
        "shop.example": "missing",
    }


def test_messages_are_judged_here_and_nowhere_else(server: Server) -> None:
    server.scan()
    view = server.index.view(parse(""), Sort(), 0)
    id = server.index.ids(view, 0, 1)[0]
    verdicts = asyncio.run(server.verdicts(id))
    assert verdicts.virus.state is State.DONE
    assert verdicts.virus.scanner.startswith("ClamAV 1.4.3")
    assert verdicts.spam.state is State.DONE
    assert "DEMO_LOCAL" in [rule.name for rule in verdicts.spam.rules]

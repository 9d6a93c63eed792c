"""What every page says of all servers: short enough for a header."""

from __future__ import annotations

from mtatui.screens.standing import Standings
from tests.unit.fleet_fake import FakeServer


def test_of_many_servers_that_wait_the_first_is_named_and_the_others_counted() -> None:
    standings = Standings()
    servers = [FakeServer(name) for name in ("mx1", "mx2", "mx3", "mx4")]
    standings.servers = servers
    for server, left in zip(servers[1:], (300, 120, 240), strict=True):
        standings.of(server).waits = [(f"keep? {left} ", "warning")]
        standings.of(server).until = float(left)
    mx1, _, mx3, mx4 = servers
    assert standings.notes() == [("mx3 +2: keep? 120 ", "warning")]
    assert standings.notes(mx1) == [("mx3 +2: keep? 120 ", "warning")]
    assert standings.notes(mx3) == [("keep? 120 ", "warning"), ("mx4 +1: keep? 240 ", "warning")]
    standings.of(mx4).waits = ()
    assert standings.notes(mx3) == [("keep? 120 ", "warning"), ("mx2: keep? 300 ", "warning")]


def test_a_lone_server_is_never_named() -> None:
    standings = Standings()
    [server] = standings.servers = [FakeServer("mx1")]
    standings.of(server).waits = [("keep? 120 ", "warning")]
    assert standings.notes() == standings.notes(server) == [("keep? 120 ", "warning")]

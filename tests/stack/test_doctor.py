"""What doctor says of a real Postfix in good and in bad days."""

from __future__ import annotations

import pytest

from mtatui.backends.host import Host
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.doctor import Finding, Level, examine
from mtatui.backends.postfix.tools import Tools
from tests.stack.picture import UserHost
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


async def findings(host: Host, tools: Tools, instance: PostfixInstance) -> dict[str, Finding]:
    return {finding.check: finding async for finding in examine(host, tools, str(instance.queue))}


async def test_all_is_well_for_root(postfix_instance: PostfixInstance) -> None:
    host = LocalHost()
    found = await findings(host, Tools(host, str(postfix_instance.config)), postfix_instance)
    assert set(found) == {"running", "rights", "python", "clock", "space", "files"}
    # How full the disk of this machine is, is not for a test to judge.
    for check in ("running", "rights", "python", "clock"):
        assert found[check].level is Level.OK, found[check]


async def test_a_stopped_postfix_is_found_and_told_how_to_start(postfix_instance: PostfixInstance) -> None:
    postfix_instance.halt()
    host = LocalHost()
    found = await findings(host, Tools(host, str(postfix_instance.config)), postfix_instance)
    assert found["running"].level is Level.BAD
    assert f"postfix -c {postfix_instance.config} start" in found["running"].advice


async def test_an_ordinary_user_may_look(postfix_instance: PostfixInstance) -> None:
    host = UserHost(postfix_instance)
    found = await findings(host, Tools(host), postfix_instance)
    assert found["running"].level is Level.OK
    assert found["rights"].level is Level.NOTE


async def test_a_user_who_may_not_look_learns_why(postfix_instance: PostfixInstance) -> None:
    postfix_instance.reload(authorized_mailq_users="root")
    host = UserHost(postfix_instance)
    found = await findings(host, Tools(host), postfix_instance)
    assert found["rights"].level is Level.BAD
    assert "authorized_mailq_users" in found["rights"].found


async def test_too_little_room_for_mail_is_an_alarm(postfix_instance: PostfixInstance) -> None:
    postfix_instance.reload(message_size_limit=str(1 << 50), mailbox_size_limit="0")
    host = LocalHost()
    found = await findings(host, Tools(host, str(postfix_instance.config)), postfix_instance)
    assert found["space"].level is Level.BAD
    assert "turns mail away" in found["space"].found

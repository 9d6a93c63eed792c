"""Several instances of Postfix on one machine are found by themselves, as postmulti(1) knows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from mtatui.backends.host_local import LocalHost
from mtatui.fleet import Fleet
from mtatui.fleet.instances import take_in
from mtatui.fleet.opening import Opening
from mtatui.server import Server
from tests.stack.fleet import frozen
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


class Machine(LocalHost):
    """A machine whose default Postfix is one of ours."""

    def __init__(self, default: PostfixInstance) -> None:
        super().__init__()
        self._default = default

    def command(self, argv: Sequence[str]) -> list[str]:
        """The private directory lies over /etc/postfix, for this command."""
        script = 'mount --bind "$1" /etc/postfix && shift && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", str(self._default.config), *argv]


async def test_the_others_are_taken_in_under_their_names_and_groups(
    make_postfix: Callable[..., PostfixInstance], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = make_postfix(
        multi_instance_name="postfix-out", multi_instance_group="mta", multi_instance_enable="yes"
    )
    off = make_postfix(multi_instance_name="postfix-off")
    default = make_postfix(
        multi_instance_directories=f"{out.config} {off.config}",
        multi_instance_wrapper="${command_directory}/postmulti -p --",
    )
    for instance in (default, out):
        instance.send("a@sender.test", "full-1@ok.test")
        instance.settle()
    machine = Machine(default)
    monkeypatch.setattr(Opening, "_host", lambda *_: machine)
    with closing(Fleet([Server(machine)])) as fleet:
        assert take_in(fleet) == ["postfix-out"]
        assert fleet.names == ("postfix", "postfix-out"), "the default one is called after its directory"
        selection = frozen(fleet)
        assert sorted(key.partition("/")[0] for key in (t.identity.id for t in selection.targets)) == [
            "postfix", "postfix-out"
        ]  # fmt: skip
        assert fleet.tags == {"postfix-out": ("mta",)}
        assert take_in(fleet) == [], "once is enough"


def test_a_machine_with_one_postfix_stays_as_it_is(postfix_instance: PostfixInstance) -> None:
    with closing(Fleet([Server(Machine(postfix_instance))])) as fleet:
        assert take_in(fleet) == []
        assert fleet.names == ("",)
        assert fleet.name == "mail.stack.test"

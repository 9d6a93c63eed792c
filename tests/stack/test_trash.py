"""The trash on a real Postfix: who may look, what it costs, and a disk that is full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mtatui.backends.demo.writer import Draft, To, make_spool, postfix_owner, write
from mtatui.backends.host import HostError
from mtatui.backends.postfix.act import Actor
from mtatui.queue.message import State
from mtatui.queue.selection import Result, Selection
from mtatui.verbs import DELETE, HOLD, RELEASE, RESTORE
from tests.stack.acting import acting, frozen
from tests.stack.postfix import PostfixInstance

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("way")]


@pytest.fixture
def make_actor() -> Iterator[Callable[[PostfixInstance], Actor]]:
    """What runs the verbs on an instance."""
    with ExitStack() as actors:
        yield lambda instance: actors.enter_context(acting(instance))


def run(argv: Sequence[str]) -> int:
    return subprocess.run(argv, capture_output=True, check=False).returncode


async def test_it_is_roots_alone_and_postfix_does_not_mind_it(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = postfix_instance, make_actor(postfix_instance)
    id = instance.send("s@sender.test", "full@ok.test")
    instance.settle()
    await actor.act(DELETE, frozen(actor, [id]))
    for path in [instance.queue / "mtatui", *(instance.queue / "mtatui").rglob("*")]:
        info = path.lstat()
        assert info.st_mode & 0o077 == 0, path
        assert info.st_uid == 0 or path.parent.name in ("trash", "defer", "bounce"), path
    assert run(instance.as_user(["ls", str(instance.queue / "mtatui")])) != 0
    assert instance.run("postfix", "check").stderr == b""
    assert instance.run("postqueue", "-j").stdout == b""
    # Whoever looks sees what is in it, whole; postcat reads it by its path.
    headers, _ = await actor.tools.cat(str(instance.queue / "mtatui/trash" / id), "headers", 10_000)
    assert b"Received:" in headers


async def test_emptying_it_frees_what_it_held(
    postfix_instance: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = postfix_instance, make_actor(postfix_instance)
    ids = [instance.send("s@sender.test", f"full-{n}@ok.test") for n in range(3)]
    instance.settle()
    await actor.act(DELETE, frozen(actor, [*ids]))
    number, size, messages = await actor.trash.contents(limit=2)
    assert (number, len(messages)) == (3, 2)
    assert await actor.trash.purge(3600, 10**9) == (0, 0)
    assert await actor.trash.empty() == (3, size)
    leftovers = [path for path in (instance.queue / "mtatui").rglob("*") if path.name in ids]
    assert leftovers == []


async def test_a_short_id_that_was_used_again_is_not_covered(
    make_postfix: Callable[..., PostfixInstance], make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance = make_postfix(enable_long_queue_ids="no")
    actor = make_actor(instance)
    id = instance.send("s@sender.test", "full@ok.test")
    instance.settle()
    await actor.act(DELETE, frozen(actor, [id]))
    other = instance.send("s@sender.test", "full@ok.test")
    instance.settle()
    path = next((instance.queue / "deferred").rglob(other))
    path.rename(instance.queue / "hold" / id)  # somebody copied a spool together
    [restored] = (await actor.act(RESTORE, frozen(actor, [id], State.TRASH))).receipts
    assert (restored.result, restored.text) == (
        Result.FAILED,
        "not restored: another message has this ID now (hold)",
    )
    (instance.queue / "hold" / id).unlink()
    assert (await actor.act(RESTORE, frozen(actor, [id], State.TRASH))).ok


async def test_a_copied_message_gets_a_name_that_fits(
    make_postfix: Callable[..., PostfixInstance], make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance = make_postfix(enable_long_queue_ids="no")
    actor = make_actor(instance)
    id = instance.send("s@sender.test", "full@ok.test")
    instance.settle()
    await actor.act(DELETE, frozen(actor, [id]))
    kept = instance.queue / "mtatui/trash" / id
    assert run(["cp", "-p", str(kept), f"{kept}.copy"]) == 0  # as from a backup
    os.replace(f"{kept}.copy", kept)
    outcome = await actor.act(RESTORE, frozen(actor, [id], State.TRASH))
    assert outcome.ok
    assert "postsuper -s" in outcome.notes[0]
    [renamed] = instance.queue_ids("hold")
    assert renamed != id
    assert renamed.endswith(f"{(instance.queue / 'hold' / renamed).stat().st_ino:X}")
    instance.remote.heal("full")
    await actor.act(RELEASE, frozen(actor, [renamed]))
    instance.run("postqueue", "-f")
    instance.wait_until(lambda: len(instance.remote.deliveries()) == 1, "its delivery")


@pytest.fixture
def small_disk() -> Iterator[PostfixInstance]:
    """A Postfix that does not run, with its queue on a disk of half a megabyte."""
    with PostfixInstance() as instance:
        instance.halt()
        instance.log.touch()
        instance.log.chmod(0o666)
        mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", str(instance.queue)]
        if run(mount) != 0:
            pytest.skip("no right to mount here")
        try:
            make_spool(instance.queue, postfix_owner())
            yield instance
        finally:
            assert run(["umount", "-l", str(instance.queue)]) == 0


def fill(instance: PostfixInstance) -> Path:
    """Leave not a byte free."""
    filler = instance.queue / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


async def test_on_a_full_disk_nothing_is_half_done(
    small_disk: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = small_disk, make_actor(small_disk)
    ids = [
        write(
            instance.queue, Draft([To("r@full.test")], sender="s@x.test", arrival=1e9), owner=postfix_owner()
        )
        for _ in range(20)
    ]
    assert (await actor.act(DELETE, frozen(actor, [*ids[:10]]))).ok
    filler = fill(instance)
    many = Selection(
        frozen(actor, [*ids[10:]]).targets, "x" * 5000, 0
    )  # more than the journal's last page holds
    for verb in (HOLD, DELETE):
        with pytest.raises(
            HostError, match=r"No space left on device .*nothing was done.*emptying the trash"
        ):
            await actor.act(verb, many)
    assert instance.queue_ids("deferred") == set(ids[10:])
    # Emptying the trash needs no room, and makes some.
    assert (await actor.trash.empty())[0] == 10
    assert (await actor.act(DELETE, many)).ok
    filler.unlink()
    assert (await actor.undo()).ok
    assert instance.queue_ids("hold") == set(ids[10:])


async def test_where_only_some_find_room_in_the_trash_the_others_stay_where_they_are(
    small_disk: PostfixInstance, make_actor: Callable[[PostfixInstance], Actor]
) -> None:
    instance, actor = small_disk, make_actor(small_disk)
    draft = Draft([To("r@full.test")], sender="s@x.test", arrival=1e9)
    ids = [write(instance.queue, draft, owner=postfix_owner()) for _ in range(12)]
    assert (await actor.act(DELETE, frozen(actor, ids[:1]))).ok
    room = os.statvfs(instance.queue)
    files = f"remount,nr_inodes={room.f_files - room.f_ffree + 4}"
    assert run(["mount", "-o", files, str(instance.queue)]) == 0
    receipts = (await actor.act(DELETE, frozen(actor, ids[1:]))).receipts
    done = {receipt.id for receipt in receipts if receipt.result is Result.DONE}
    lost = {receipt.id: receipt.text for receipt in receipts if receipt.result is Result.FAILED}
    assert done
    assert done | lost.keys() == set(ids[1:])
    assert set(lost.values()) == {"No space left on device"}
    assert instance.queue_ids("deferred") == lost.keys()
    assert {path.name for path in (instance.queue / "mtatui/trash").iterdir()} == {ids[0], *done}
    assert (await actor.undo()).ok
    assert instance.queue_ids("hold", "deferred") == set(ids[1:])

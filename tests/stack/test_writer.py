"""The queue files we make, in the hands of a real Postfix; and the demo's commands beside the real ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.generate import generate
from mtatui.backends.demo import badday
from mtatui.backends.demo.writer import Draft, To, postfix_owner, quote, write
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack

STANDIN = [sys.executable, "-I", "-S", str(Path(badday.__file__).with_name("__main__.py")), "standin"]


@dataclass
class Quiet:
    """A private Postfix that does not run, and the messages in its queue."""

    root: Path
    messages: dict[str, Draft]

    def real(self, command: str, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return _run([command, "-c", f"{self.root}/etc", *arguments], input)

    def demo(self, command: str, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return _run([*STANDIN, command, "-c", f"{self.root}/etc", *arguments], input)

    def ids(self, state: str, count: int) -> list[str]:
        """Queue IDs of that many messages in a state (as it was at first)."""
        return [id for id, draft in self.messages.items() if draft.state == state][-count:]

    def states(self, ids: list[str]) -> list[str]:
        """Where messages are now."""
        spool = self.root / "spool"
        paths = (path.relative_to(spool) for path in spool.rglob("*") if path.is_file())
        places = {path.name: path.parts[0] for path in paths if path.parts[0] != "defer"}
        return [places.get(id, "") for id in ids]


def _run(argv: list[str], input: bytes) -> subprocess.CompletedProcess[bytes]:
    env = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(argv, input=input, env=env, capture_output=True, timeout=60, check=False)


def _quiet(drafts: list[Draft], long_ids: bool = False) -> Iterator[Quiet]:
    # Not pytest's tmp_path: Postfix drops its privileges and could not enter that.
    root = Path(tempfile.mkdtemp(prefix="mtatui-writer-", dir="/tmp"))
    root.chmod(0o755)
    try:
        spool = generate(root, 0, config=True, long_ids=long_ids)
        owner = postfix_owner()
        yield Quiet(root, {write(spool, draft, long_id=long_ids, owner=owner): draft for draft in drafts})
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def quiet() -> Iterator[Quiet]:
    """For looking: the bad day, under short IDs."""
    yield from _quiet(badday.messages(time.time()))


@pytest.fixture(scope="module")
def quiet_long() -> Iterator[Quiet]:
    """The same under long IDs."""
    yield from _quiet(badday.messages(time.time()), long_ids=True)


@pytest.fixture(params=["quiet", "quiet_long"])
def either(request: pytest.FixtureRequest) -> Quiet:
    """The one and the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Quiet)
    return found


@pytest.fixture
def changing() -> Iterator[Quiet]:
    """For changing: a few messages in two states."""
    states = ["deferred"] * 4 + ["hold"]
    now = time.time()
    yield from _quiet([Draft([To("a@dest.test", "timed out")], "me@example.test", s, now) for s in states])


def listed(output: bytes) -> dict[str, dict[str, object]]:
    return {entry["queue_id"]: entry for line in output.split(b"\n") if line for entry in [json.loads(line)]}


def test_postqueue_lists_every_message_as_it_was_written(either: Quiet) -> None:
    found = listed(either.real("postqueue", "-j").stdout)
    expected = {id: draft for id, draft in either.messages.items() if draft.state != "corrupt"}
    assert found.keys() == expected.keys()
    for id, draft in expected.items():
        entry = found[id]
        assert entry["queue_name"] == draft.state
        assert entry["arrival_time"] == int(draft.arrival)
        waiting = [to for to in draft.recipients if not to.done]
        recipients = entry["recipients"]
        assert isinstance(recipients, list)
        if draft.state != "maildrop" and "hostile" not in str(draft):
            said = Counter((to["address"], to.get("delay_reason", "")) for to in recipients)
            assert said == Counter((quote(to.address.encode()).decode(), to.reason) for to in waiting)


def test_postcat_shows_what_was_written(either: Quiet) -> None:
    for state in ("deferred", "hold", "active"):
        for id in either.ids(state, 8):
            draft = either.messages[id]
            shown = either.real("postcat", "-qbh", id).stdout
            headers, _, body = shown.partition(b"\n\n")
            assert body == draft.body
            assert draft.headers.strip() in headers
            assert id.encode() in headers, "the Received: line names the queue ID"


def test_postsuper_does_all_it_can_do(changing: Quiet) -> None:
    one, two, three, four = changing.ids("deferred", 4)
    [held] = changing.ids("hold", 1)
    for option, id in (("-h", one), ("-H", held), ("-d", two), ("-r", three), ("-f", four)):
        done = changing.real("postsuper", option, id)
        assert f"postsuper: {id}: ".encode() in done.stderr, done.stderr
    assert changing.states([one, held, two, three, four]) == ["hold", "deferred", "", "maildrop", "deferred"]
    # Nothing that a repair would have to touch: names fit inodes, files lie where they belong.
    assert changing.real("postsuper", "-s").stderr == b""


def test_a_real_postfix_delivers_them(postfix_instance: PostfixInstance) -> None:
    postfix_instance.halt()
    now = time.time()
    owner = postfix_owner()
    wide = b"\xc3\xbc" * 2000 + b"\n.\n..\n"
    kinds: list[tuple[str, dict[str, object]]] = [
        ("deferred", {}),
        ("incoming", {"client_ip": ""}),
        ("active", {"sender": "", "client_ip": ""}),
        ("deferred", {"sasl_user": "bob", "encoding": "8bit", "body": wide}),
        ("maildrop", {"client_ip": "", "full_name": "Cron"}),
    ]
    for number, (state, fields) in enumerate(kinds):
        draft = Draft(
            [To("done@ok.test", done=state == "deferred"), To(f"you{number}@ok.test", "x: timed out")],
            "me@sender.test",
            state,
            arrival=now - 600,
            subject=f"number {number}",
            body=b"hello\n",
            client_ip="203.0.113.5",
        )
        for name, value in fields.items():
            setattr(draft, name, value)
        write(postfix_instance.queue, draft, long_id=bool(number % 2), owner=owner)
    postfix_instance.start()
    postfix_instance.run("postqueue", "-f")
    postfix_instance.wait_until(lambda: not postfix_instance.queue_ids(), "an empty queue")
    delivered = {delivery.recipients[-1]: delivery for delivery in postfix_instance.remote.deliveries()}
    assert sorted(delivered) == sorted(f"you{number}@ok.test" for number in range(5))
    for number in range(5):
        assert f"Subject: number {number}\r\n".encode() in delivered[f"you{number}@ok.test"].data
    assert delivered["you0@ok.test"].recipients == ("you0@ok.test",), "the other one was served before"
    assert b"\r\n..\r\n" in delivered["you3@ok.test"].data.replace(b"\r\n ", b"")
    assert delivered["you2@ok.test"].sender == ""


# --- the demo's commands beside the real ones --------------------------------------------------------------


def test_the_demos_postqueue_says_the_same(either: Quiet) -> None:
    # The reader, which it uses, stops at 2 kB of an address.
    long = {id for id, draft in either.messages.items() if len(draft.sender) > 2000}
    real, demo = (listed(run("postqueue", "-j").stdout) for run in (either.real, either.demo))
    assert [entry for id, entry in real.items() if id not in long] == [
        entry for id, entry in demo.items() if id not in long
    ]
    if all(id == id.upper() for id in real):
        real_lines, demo_lines = (
            run("postqueue", "-p").stdout.split(b"\n") for run in (either.real, either.demo)
        )
        for real_line, demo_line in zip(real_lines, demo_lines, strict=True):
            assert real_line == demo_line or b"aaaaaaaa" in real_line


@pytest.mark.parametrize("options", ["-qh", "-qb", "-qbh", "-qe", "-q"])
def test_the_demos_postcat_says_the_same(quiet: Quiet, options: str) -> None:
    ids = [id for id, draft in quiet.messages.items() if "hostile" in str(draft) or draft.state == "maildrop"]
    ids += quiet.ids("hold", 5) + quiet.ids("deferred", 5)
    real, demo = quiet.real("postcat", options, *ids), quiet.demo("postcat", options, *ids)
    assert (demo.returncode, demo.stdout, demo.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize("options", ["-h", "-b", "-e", "-bhe"])
def test_the_demos_postcat_says_the_same_of_a_corrupt_file(quiet: Quiet, options: str) -> None:
    [path] = (quiet.root / "spool" / "corrupt").iterdir()
    real, demo = quiet.real("postcat", options, str(path)), quiet.demo("postcat", options, str(path))
    assert (demo.returncode, demo.stdout, demo.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize(
    "argv",
    [
        ["postsuper", "-h", "NOSUCH"],
        ["postsuper", "-h", "a/b", "-d", "x"],
        ["postsuper", "-d", "x", "corrupt"],
        ["postsuper", "-x"],
        ["postsuper", "-r"],
        ["postcat", "-q", "NOSUCH"],
        ["postcat", "-q", "a/b"],
        ["postcat", "/no/such/file"],
        ["postqueue"],
        ["postqueue", "-i", "a/b"],
        ["postconf", "-h", "mail_owner", "nosuch", "hash_queue_depth"],
        ["postconf", "nosuch", "hash_queue_names"],
    ],
    ids=" ".join,
)
def test_the_demos_commands_refuse_alike(quiet: Quiet, argv: list[str]) -> None:
    real, demo = quiet.real(*argv), quiet.demo(*argv)
    assert (demo.returncode, demo.stdout, demo.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize("option", ["d", "e", "f", "h", "H", "r"])
@pytest.mark.parametrize("state", ["deferred", "hold", "active", "maildrop", "corrupt"])
def test_the_demos_postsuper_does_the_same(changing: Quiet, option: str, state: str) -> None:
    draft = Draft([To("a@dest.test", "timed out")], "me@example.test", state, arrival=time.time())
    outcomes = []
    for run in (changing.real, changing.demo):
        ids = [write(changing.root / "spool", draft, owner=postfix_owner()) for _ in range(2)]
        done = run(
            "postsuper", f"-{option}", "-", input="\n".join([ids[0], "NOSUCH", "", ids[1], ""]).encode()
        )
        said = re.sub("|".join(ids), "ID", done.stderr.decode())
        modes = sorted(path.stat().st_mode for id in ids for path in (changing.root / "spool").rglob(id))
        outcomes.append((done.returncode, said, changing.states(ids), modes))
    assert outcomes[0] == outcomes[1]

"""main.cf, master.cf and ``$name`` beside the real postconf(1): what we read is what Postfix reads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from mtatui.backends import planning
from mtatui.backends.postfix.expand import expand
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.master_cf import MasterCf
from tests.unit import configured, test_corpus

pytestmark = pytest.mark.stack

CORPUS = sorted((Path(__file__).parents[1] / "unit" / "data" / "main_cf").glob("*/main.cf"))
#: A handful of parameters that take any text.
NAMES = ["smtpd_banner", "relayhost", "smtp_helo_name", "mynetworks", "smtpd_relay_restrictions"]
#: What Postfix itself does not expand at once, or has another value each time.
RAW = {"mailbox_command", "debugger_command"}
generated = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def as_printed(value: str) -> str:
    """A value as postconf prints it: each run of white space has become one blank."""
    return re.sub("[ \t\r\n]+", " ", value)


def words(value: str) -> list[str]:
    """A value in words: the default of mynetworks ends in a blank that is not printed."""
    return value.replace(",", " ").split()


class Directory:
    """A configuration directory to write files into and ask postconf about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.put("main.cf", b"")
        self.put("master.cf", b"")

    def put(self, name: str, data: bytes) -> None:
        path = self.path / name
        path.write_bytes(data)
        os.utime(path, (1e9, 1e9))  # every command waits for a file that is younger than two seconds

    def postconf(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["postconf", "-c", str(self.path), *arguments], capture_output=True, timeout=30, check=False
        )

    def values(self, *options: str) -> dict[str, str] | None:
        """``name = value`` lines; None where postconf refuses."""
        done = self.postconf(*options)
        if done.returncode:
            return None
        lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
        values = {
            name: value.removeprefix(" ")
            for name, _, value in (line.partition(" =") for line in lines if line)
        }
        values.pop("config_directory", None)  # with -c it counts as set
        return values


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    path = tmp_path_factory.mktemp("etc")
    yield Directory(path)
    shutil.rmtree(path)


# -- main.cf -------------------------------------------------------------------------------------------------

_NAME = st.sampled_from(NAMES)
_BLANK = st.sampled_from(["", " ", "\t", "  ", "\r", "\f"])
_VALUE = st.one_of(
    st.sampled_from(["", "a", "a, b", "# c", "x=y", "ü", "\udcfc", "a\0b", "a\x7f", "a\rb", "{ a b }"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\n$"), max_size=6),
)
_LINE = st.one_of(
    st.builds("{}{}={}{}".format, _NAME, _BLANK, _BLANK, _VALUE),
    st.builds(" {}{}".format, _BLANK, _VALUE),
    st.builds("{}#{}".format, _BLANK, _VALUE),
    st.builds("{}\n={}".format, _NAME, _VALUE),
    _BLANK,
)
_FILE = st.lists(st.tuples(_LINE, st.sampled_from(["\n", "\n", "\r\n"])), max_size=10).flatmap(
    lambda lines: st.sampled_from(["", "\n", "relayhost = last"]).map(
        lambda end: "".join(line + newline for line, newline in lines) + end
    )
)


@generated
@given(_FILE)
def test_main_cf_is_read_as_postfix_reads_it(directory: Directory, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    main = MainCf.parse(data)
    assume(not main.mistakes)  # postconf sleeps a second before it dies
    directory.put("main.cf", data)
    values = directory.values("-n")
    assert {a.name: as_printed(a.value) for name in main.names() if (a := main.get(name))} == values


@pytest.mark.parametrize("text", ["nonsense\n", "= x\n", "x\0 = a\n", "# c\n\0\n", "a b = c\n"])
def test_what_we_call_a_mistake_postfix_dies_of(directory: Directory, text: str) -> None:
    directory.put("main.cf", text.encode())
    assert MainCf.parse(text.encode()).mistakes
    assert directory.values("-n") is None


# -- $name ---------------------------------------------------------------------------------------------------

#: What the expressions are about; ``nowhere`` is not defined.
MACROS = {
    "one": "1",
    "ten": "10",
    "word": "a{b}c",
    "empty": "",
    "nothing": "$empty",
    "deep": "<${one?{$ten $word}}>",
    "money": "$$one",
    "level": "3.6",
    "loop": "${pool:x}$loop",
}
_REFERENCE = st.sampled_from([*MACROS, "nowhere"])
_EXPRESSION = st.recursive(
    st.one_of(
        st.sampled_from(["", "a", "7", "a b", "x:y", "?", "3.10", "$$", "${", "}", "$-", "{q}"]),
        st.builds("${}".format, _REFERENCE),
        st.builds("$({})".format, _REFERENCE),
        st.builds("${{{}{}}}".format, st.sampled_from(["", " "]), _REFERENCE),
    ),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("${{{}{}{}}}".format, _REFERENCE, st.sampled_from("?:"), inner),
        st.builds("${{{}? {{{}}} :{{{}}}}}".format, _REFERENCE, inner, inner),
        st.builds("${{{} ?{{{}}}:{}}}".format, _REFERENCE, inner, inner),
        st.builds(
            "${{{{{}}} {}{{{}}} ? {{{}}} : {{{}}}}}".format,
            inner,
            st.sampled_from(["==", "!=", "<", "<= ", ">", ">=", "<level", ">=level ", "==level", "=", "<x"]),
            inner,
            inner,
            inner,
        ),
        st.builds("${{{{{}}} == {{{}}}}}".format, inner, inner),
    ),
    max_leaves=6,
)


@generated
@given(_EXPRESSION.filter(lambda text: text == text.strip() and text))
def test_names_are_expanded_as_postfix_expands_them(directory: Directory, text: str) -> None:
    try:
        ours = expand(text, MACROS.get)
    except ValueError:
        reject()
    assert as_printed(ours).strip(" ") == expanded(directory, text)


@pytest.mark.parametrize("text", ["$loop", "$-", "${one", "${one?{a}b}", "${{1} = {1}}", "${{1} <level {x}}"])
def test_what_we_refuse_to_expand_postfix_refuses(directory: Directory, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        expand(text, MACROS.get)
    assert expanded(directory, text) is None


def expanded(directory: Directory, text: str) -> str | None:
    """What postconf makes of it; None where it refuses."""
    values = MACROS | {"smtpd_banner": text}
    directory.put("main.cf", "".join(f"{name} = {value}\n" for name, value in values.items()).encode())
    done = directory.postconf("-x", "-h", "smtpd_banner")
    return None if done.returncode else done.stdout.decode().removesuffix("\n")


# -- master.cf -----------------------------------------------------------------------------------------------

_OPTION = st.one_of(
    st.builds(
        "-o {}={}".format, _NAME, st.sampled_from(["", "a", "a,b", "{a b}", "a{ }", "ü", "${x?{a b}}", "#"])
    ),
    # postconf itself stumbles over an "o" in the name here: "-orelayhost=x" is "-o relayh -o st=x" to it.
    st.builds("-o{}={}".format, st.just("smtpd_banner"), st.sampled_from(["", "a", "{a b}"])),
    st.builds("-vo {}=v".format, _NAME),
    st.builds("-o\n\t{}=n".format, _NAME),
    st.builds(
        "-o {{{}{}{}={}{}}}".format,
        _BLANK,
        _NAME,
        _BLANK,
        _BLANK,
        st.sampled_from(["", "a", "a b ", "a\n b"]),
    ),
    st.sampled_from(["-v", "-D", "\n# comment\n", "\n", "\n  "]),
)
_ARGUMENT = st.sampled_from(["a", "flags=R", "argv=/bin/x", "{a  b}", "{ c }", "$x", "-o", "x=y"])
_SERVICE = st.builds(
    "{}\t{} n  -\n\t- {} {} {}".format,
    st.sampled_from(["smtp inet", "[::1]:10025 inet", "127.0.0.1:submission inet", "smtp unix", "x pass"]),
    st.sampled_from(["-", "n"]),
    st.sampled_from(["1", "-"]),
    st.sampled_from(["smtpd", "smtp"]),
    st.builds(
        lambda options, arguments: "\n  ".join([*options, *arguments]).replace("\n  \n", "\n"),
        st.lists(_OPTION, max_size=4),
        st.lists(_ARGUMENT, max_size=2),
    ),
)


@generated
@given(st.lists(st.one_of(_SERVICE, st.just("# comment")), max_size=4))
def test_master_cf_is_read_as_postfix_reads_it(directory: Directory, services: list[str]) -> None:
    data = "".join(service + "\n" for service in services).encode()
    directory.put("main.cf", b"")
    directory.put("master.cf", data)
    compare_master(directory, data)


def in_words(line: str) -> list[str]:
    """A service in words; postconf forgets the braces around the first argument."""
    return line.replace("{", " ").replace("}", " ").split()


def compare_master(directory: Directory, data: bytes) -> None:
    """Hold our services against ``postconf -M`` and their overrides against ``postconf -P``."""
    master = MasterCf.parse(data)
    assert master.data == data
    assert not master.mistakes
    listed = directory.postconf("-M").stdout.decode().splitlines()
    ours = []
    for service in master.services:
        fields = [service.name, service.type, service.private, service.unprivileged, service.chroot]
        ours.append([*fields, service.wakeup, service.limit, service.command, *service.arguments])
    assert [in_words(" ".join(line)) for line in ours] == [in_words(line) for line in listed]
    overrides = {
        f"{service.key}/{name}": as_printed(value)
        for service in master.services
        for name, value in service.overrides.items()
    }
    assert overrides == directory.values("-P")


# -- the corpus ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.parent.name)
def test_files_as_admins_have_them_are_read_as_postfix_reads_them(directory: Directory, path: Path) -> None:
    data = path.read_bytes()
    main = MainCf.parse(data)
    services = path.with_name("master.cf")
    directory.put("main.cf", data)
    directory.put("master.cf", services.read_bytes() if services.exists() else b"")
    warnings = directory.postconf("-n").stderr
    values = directory.values("-n")
    assert main.data == data
    assert not main.mistakes
    assert values is not None
    ours = {a.name: as_printed(a.value) for name in main.names() if (a := main.get(name))}
    unused = {name for name in ours if name not in values}
    assert {name: value for name, value in ours.items() if name not in unused} == values
    for name in unused:
        assert f"unused parameter: {name}=".encode() in warnings
    for name, (*_, line) in main.duplicates().items():
        told = f"main.cf, line {line}: overriding earlier entry: {name}=".encode()
        same = [a.value for a in main.assignments if a.name == name][-2:]
        assert (told in warnings) == (same[0] != same[1])
    everything = {**(directory.values() or {}), "config_directory": str(directory.path)}
    expanded = directory.values("-nx") or {}
    for name in values.keys() - RAW:
        ours_expanded = expand(values[name], everything.get)
        assert words(ours_expanded) == words(expanded[name]), name
    if services.exists():
        compare_master(directory, services.read_bytes())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.parent.name)
def test_what_we_make_of_them_postfix_reads_as_we_mean_it(directory: Directory, path: Path) -> None:
    source = test_corpus.load(path)
    now = configured.reading(source)
    plan = planning.plan(now, test_corpus.all_at_once(now))
    after = configured.applied(source, plan)
    directory.put("main.cf", after.main.data)
    directory.put("master.cf", after.master.data)
    values = directory.values("-n")
    assert values is not None
    for name, value in values.items():
        assignment = after.main.get(name)
        assert assignment is not None, name
        assert as_printed(assignment.value) == value

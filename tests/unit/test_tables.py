"""mtatui's own tables: written, read back, and what the patterns of blocked attachments match."""

from __future__ import annotations

import base64
import ctypes
import functools
import quopri
import re
from email.utils import encode_rfc2231

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.backends.postfix import tables
from mtatui.settings.extensions import COMMON, MODERN
from mtatui.settings.kinds import Login
from tests.unit.attachments import HARMLESS, REFUSED

_LIBC = ctypes.CDLL(None)
_EXTENSIONS = st.lists(
    st.from_regex(r"[a-z0-9][a-z0-9_+-]{0,6}(\.[a-z0-9][a-z0-9_+-]{0,3})?", fullmatch=True),
    unique=True,
    max_size=6,
)


class _Match(ctypes.Structure):
    """regmatch_t of regex.h."""

    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


@functools.cache
def _compiled(pattern: str, case: bool) -> ctypes.Array[ctypes.c_char]:
    compiled = ctypes.create_string_buffer(256)  # regex_t, and room
    extended, ignore_case = 1, 2
    flags = extended if case else extended | ignore_case
    assert _LIBC.regcomp(compiled, pattern.encode(), flags) == 0, pattern
    return compiled


def _search(pattern: str, case: bool, text: str) -> tuple[int, int] | None:
    """Where the first group of a POSIX extended regular expression matches, as Postfix itself asks."""
    found = (_Match * 2)()
    if _LIBC.regexec(_compiled(pattern, case), text.encode(), 2, found, 0):
        return None
    return found[1].start, found[1].end


def look_up(table: bytes, text: str) -> str:
    """What a regexp table answers (regexp_table(5)); "" for nothing."""
    skipped = 0
    for line in table.decode().splitlines():
        if line.startswith("#"):
            continue
        if line == "endif":
            skipped = max(0, skipped - 1)
            continue
        rule = re.fullmatch(r"(if )?([~/])(.*)\2(i?)(?: (.*))?", line)
        assert rule, line
        condition, _, pattern, case, answer = rule.groups()
        if skipped:
            skipped += bool(condition)
            continue
        found = _search(pattern, bool(case), text)
        if condition:
            skipped = 0 if found else 1
        elif found:
            return str(answer).replace("$1", text[slice(*found)])
    return ""


@pytest.fixture(scope="module")
def table() -> bytes:
    return tables.blocked(("com", "exe", "tar.gz"))


@pytest.mark.parametrize("how", REFUSED)
def test_programs_are_refused_however_they_are_spelled(table: bytes, how: str) -> None:
    extension = "tar.gz" if "tar.gz" in REFUSED[how] else "exe"
    refusal = f"REJECT attachments named *.{extension} are not accepted here"
    if "disorder" in how:
        refusal = "REJECT names of attachments in disorder are not accepted here"
    assert look_up(table, REFUSED[how]) == refusal


@pytest.mark.parametrize("how", HARMLESS)
def test_what_is_harmless_passes(table: bytes, how: str) -> None:
    assert look_up(table, HARMLESS[how]) == ""


_STEMS = st.text(st.characters(categories=("L", "N", "Zs", "P"), exclude_characters='"\\\x85'), max_size=12)
_NAMED = st.sampled_from(["exe", "EXE", "eXe", "tar.gz", "pdf", "exe.pdf", "ex", "exes", "txt"])


def _spelled(name: str, how: str) -> str:
    """A header with a name as mail programs write it."""
    if how == "quoted":
        return f'Content-Disposition: attachment; filename="{name}"'
    if how == "2231":
        return f"Content-Disposition: attachment; filename*={encode_rfc2231(name, 'utf-8')}"
    if how == "pieces":
        text = encode_rfc2231(name, "utf-8")
        cut = [text[at : at + 20] for at in range(0, len(text), 20)]
        return "Content-Type: a/b" + "".join(f";\n name*{n}*={piece}" for n, piece in enumerate(cut))
    if how == "B":
        return f'Content-Type: a/b; name="=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="'
    encoded = quopri.encodestring(name.encode(), quotetabs=True, header=True).decode().replace("=\n", "")
    return f'Content-Type: a/b; name="=?utf-8?Q?{encoded.replace("?", "=3F")}?="'


@settings(deadline=None)
@given(_STEMS, _NAMED, st.sampled_from(["quoted", "2231", "pieces", "B", "Q"]))
def test_a_name_is_refused_for_its_end_and_nothing_else(stem: str, extension: str, how: str) -> None:
    refused = look_up(tables.blocked(("exe", "tar.gz")), _spelled(f"{stem}.{extension}", how))
    assert bool(refused) is (extension.lower() in ("exe", "tar.gz"))


@settings(deadline=None, max_examples=40)
@given(_EXTENSIONS)
def test_extensions_are_read_back(extensions: list[str]) -> None:
    written = tables.blocked(extensions)
    assert tables.read_blocked(written) == (tuple(extensions), True)
    for extension in extensions:
        assert look_up(written, f'Content-Type: a/b; name="x.{extension.upper()}"')


def test_a_table_somebody_changed_is_not_intact() -> None:
    written = tables.blocked(("exe",))
    assert tables.read_blocked(written.replace(b"REJECT", b"WARN", 1)) == (("exe",), False)
    assert tables.read_blocked(b"/x/ REJECT\n") == ((), False)


def test_the_named_lists_make_a_table_that_begins_with_whose_it_is() -> None:
    written = tables.blocked(COMMON + MODERN)
    assert written.startswith(b"# Written by mtatui: ")
    assert max(map(len, written.splitlines())) < 4096


@pytest.mark.parametrize(
    ("client", "header"),
    [
        ("192.0.2.7", "PREPEND X-Originating-IP: [192.0.2.7]"),
        ("2001:db8::1", "PREPEND X-Originating-IP: [2001:db8::1]"),
        ("::ffff:192.0.2.7", "PREPEND X-Originating-IP: [::ffff:192.0.2.7]"),
        ("unknown", ""),
        ("cafe.fade", ""),
        ("1.2.3.4.in-addr.arpa.example", ""),
        ("10.2.3.example.4", ""),
    ],
)
def test_addresses_get_a_header_and_names_do_not(client: str, header: str) -> None:
    assert look_up(tables.client_ip(), client) == header


@given(
    st.dictionaries(
        st.from_regex(r"\[?[a-z0-9.-]{1,30}\]?(:[0-9]{1,5})?", fullmatch=True),
        st.builds(
            Login,
            st.text(
                st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters=":"), min_size=1
            ).filter(str.isprintable),
            st.text(min_size=1).filter(lambda text: text.isprintable() and text == text.strip()),
        ),
        max_size=3,
    )
)
def test_logins_are_read_back(logins: dict[str, Login]) -> None:
    assert tables.read_relay_login(tables.relay_login(logins)) == logins


@pytest.mark.parametrize(
    ("host", "login"),
    [
        ("", Login("u", "p")),
        ("a b", Login("u", "p")),
        ("[h]:25", Login("u:v", "p")),
        ("[h]:25", Login("u", "p\n[x] y:z")),
        ("[h]:25", Login("u", "p ")),
        ("[h]:25", Login("u", "")),
    ],
)
def test_logins_that_would_not_arrive_are_refused(host: str, login: Login) -> None:
    with pytest.raises(ValueError, match=r"login|user name|password"):
        tables.relay_login({host: login})

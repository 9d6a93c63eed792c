"""Tables as OpenDKIM itself reads them (``opendkim -Q``): whatever is in them, we read the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtatui.backends.dkim.tables import Kind, Table, covers, keys, rules

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

NAMES = st.sampled_from(["k1", "k2", "mail", "s._domainkey.a.test"])
#: Those with ``?`` and ``[`` are not among them: OpenDKIM makes expressions of them that it cannot read.
PATTERNS = st.sampled_from(
    [
        "*",
        "*@a.test",
        "x@a.test",
        "*@*.test",
        "*@b.a.test",
        "*a.test",
        "x@*",
        "a.test",
        "#",
    ]
)
BLANKS = st.sampled_from([" ", "\t", "  "])
ENDS = st.sampled_from(["\n", " \n", " # note\n", "#\n", "\n\n", "\n# x\n"])


def asked(dataset: str, query: str, fields: int) -> list[str]:
    """What OpenDKIM finds; [] for nothing."""
    done = subprocess.run(
        ["/usr/sbin/opendkim", "-Q"], input=f"{dataset}\n{query}/{fields}\n", capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip
    return re.findall(r"^'(.*)'$", done.stdout, re.MULTILINE)


@few
@given(
    st.lists(st.tuples(PATTERNS, BLANKS, NAMES, ENDS), min_size=1, max_size=5),
    st.sampled_from(["x@a.test", "y@b.a.test", "z@c.d"]),
)
def test_the_first_rule_that_is_for_a_sender(
    tmp_path: Path, lines: list[tuple[str, str, str, str]], sender: str
) -> None:
    path = tmp_path / "signingtable"
    path.write_text("".join(map("".join, lines)))
    ours = [
        rule.name
        for rule in rules(Table.parse(path.read_bytes()))
        if covers(Kind.PATTERNS, rule.pattern, sender)
    ]
    assert asked(f"refile:{path}", sender, 1) == ours[:1]


@few
@given(
    st.lists(
        st.tuples(NAMES, BLANKS, st.sampled_from(["a.test:s:/k", "%:s:/k/%", "b.test:t:MIIx"]), ENDS),
        min_size=1,
        max_size=4,
        unique_by=lambda line: line[0],
    )
)
def test_the_keys_of_a_table(tmp_path: Path, lines: list[tuple[str, str, str, str]]) -> None:
    path = tmp_path / "keytable"
    path.write_text("# ours\n" + "".join(map("".join, lines)))
    found = {key.name: [key.domain, key.selector, key.key] for key in keys(Table.parse(path.read_bytes()))}
    for name in ("k1", "k2", "mail", "s._domainkey.a.test"):
        assert asked(f"file:{path}", name, 3) == found.get(name, [])


@few
@given(NAMES, st.sampled_from(["a.test:s:/k", "b.test:t:/l"]), ENDS)
def test_what_we_write_is_read(tmp_path: Path, name: str, value: str, end: str) -> None:
    path = tmp_path / "table"
    table = Table.parse(f"first x:y:/z{end}".encode()).add(name, value)
    [entry] = [entry for entry in table.entries if entry.key == name]
    path.write_bytes(table.data)
    assert asked(f"file:{path}", name, 3) == value.split(":")
    path.write_bytes(table.put(entry, "c.test:u:/m").data)
    assert asked(f"file:{path}", name, 3) == ["c.test", "u", "/m"]
    path.write_bytes(table.drop([entry]).data)
    assert asked(f"file:{path}", name, 3) == []
    assert asked(f"file:{path}", "first", 3) == ["x", "y", "/z"]

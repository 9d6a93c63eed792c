"""The text of restriction lists: what stands where, and edits that move nothing else."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.postfix.lists import insert, parse, put_on_trial, remove
from tests.unit.listed import raws


def test_arguments_braces_comments_and_trials() -> None:
    raw = (
        "\n  permit_mynetworks,\n# off: reject_unknown_client_hostname\n  Warn_If_Reject\n"
        "  # why\n  reject_rbl_client, zen.example,\n"
        "  check_policy_service { inet:[::1]:1, timeout=5 },, check_helo_access\thash:/etc/helo permit"
    )
    assert [str(r) for r in parse(raw)] == [
        "permit_mynetworks",
        "warn_if_reject reject_rbl_client zen.example",
        "check_policy_service { inet:[::1]:1, timeout=5 }",
        "check_helo_access hash:/etc/helo",
        "permit",
    ]
    second = parse(raw)[1]
    assert raw[second.start : second.end].startswith("Warn_If_Reject")
    assert raw[second.named : second.end] == "reject_rbl_client, zen.example"


def test_a_comment_needs_a_line_of_its_own() -> None:
    assert [r.name for r in parse(" # permit #reject")] == ["#", "permit", "#reject"]


@given(raws())
def test_every_word_is_found_where_it_stands(raw: str) -> None:
    for found in parse(raw):
        assert raw[found.start : found.end].split(maxsplit=1)[0].strip(",").lower() in (
            found.name.lower(),
            "warn_if_reject",
        )
        assert raw[found.named :].startswith(found.name)


@given(raws(), st.data())
def test_what_is_inserted_can_be_removed(raw: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(parse(raw))))
    more = insert(raw, at, "reject_me now")
    assert [r.name for r in parse(more)][at] == "reject_me"
    assert remove(insert(raw, at, "reject_me"), at) == raw


@given(raws(), st.data())
def test_removing_takes_one_and_no_comment(raw: str, data: st.DataObject) -> None:
    if not (found := parse(raw)):
        return
    at = data.draw(st.integers(0, len(found) - 1))
    left = remove(raw, at)
    assert [str(r) for r in parse(left)] == [str(r) for n, r in enumerate(found) if n != at]
    gone = raw[found[at].start : found[at].end]
    kept = [line for line in re.findall(r"\n[ \t]*#.*", raw) if line not in gone]
    assert [line.rstrip() for line in re.findall(r"\n[ \t]*#.*", left)] == [line.rstrip() for line in kept]


@given(raws(), st.data())
def test_a_trial_is_one_word_more_and_nothing_else(raw: str, data: st.DataObject) -> None:
    if not (found := parse(raw)):
        return
    at = data.draw(st.integers(0, len(found) - 1))
    tried = put_on_trial(raw, at, True)
    if not found[at].trial:
        assert tried == f"{raw[: found[at].start]}warn_if_reject {raw[found[at].start :]}"
        assert put_on_trial(tried, at, False) == raw
    else:
        assert tried == raw
        enforced = [str(r) for r in parse(put_on_trial(raw, at, False))]
        assert enforced == [
            str(r).removeprefix("warn_if_reject ") if n == at else str(r) for n, r in enumerate(found)
        ]

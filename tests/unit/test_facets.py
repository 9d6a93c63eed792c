"""Facets as people see them: labels, age bands, and terms that lead back into a query."""

from __future__ import annotations

from itertools import pairwise

from mtatui.queue.facets import AGE_BANDS, Facet, counted, counted_ages
from mtatui.queue.query import Query, parse
from mtatui.queue.terms import Term


def test_age_bands_leave_no_gap_and_no_overlap() -> None:
    assert AGE_BANDS[0].youngest == 0
    assert AGE_BANDS[-1].oldest is None
    assert all(one.oldest == other.youngest for one, other in pairwise(AGE_BANDS))


def test_the_term_of_an_age_band_says_its_bounds() -> None:
    for band in AGE_BANDS:
        bounds = {part.op: part.value for part in parse(band.term).parts if isinstance(part, Term)}
        assert bounds.get(">=", 0) == band.youngest
        assert bounds.get("<") == band.oldest


def test_empty_age_bands_are_left_out() -> None:
    counts = counted_ages([0, 3, 0, 0, 0, 0, 1])
    assert [(count.label, count.messages, count.term) for count in counts] == [
        ("5 to 30 min", 3, "age>=5m age<30m"),
        ("over 3 days", 1, "age>=3d"),
    ]


def test_nothing_has_a_name_and_a_term() -> None:
    for by in Facet:
        if by is not Facet.AGE:
            count = counted(by, "", 2)
            assert count.label
            assert count.term == f"{by.field}=none"


def test_a_value_is_quoted_where_need_be() -> None:
    assert counted(Facet.REASON, "mailbox full", 1).term == 'reason="mailbox full"'
    assert counted(Facet.SENDER, "news@list.test", 1).term == "from=news@list.test"
    assert str(Query().adding(counted(Facet.DOMAIN, "none", 1).term)) == 'domain="none"'

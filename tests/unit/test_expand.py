"""``$name`` and its kin, as Postfix expands them; beside the real one: tests/stack/test_configuration.py."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.postfix.expand import expand

VALUES = {
    "mydomain": "example.test",
    "myhostname": "mail.$mydomain",
    "one": "1",
    "ten": "10",
    "empty": "",
    "nothing": "$empty",
    "money": "$$5",
    "level": "3.6",
    "loop": "a $pool",
    "pool": "${loop}",
    "self": "${self?{$self}}",
}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("plain, {text} (here)", "plain, {text} (here)"),
        ("$myhostname", "mail.example.test"),
        ("${myhostname} $(mydomain)", "mail.example.test example.test"),
        ("$mydomain.$mydomain-x", "example.test.example.test-x"),
        ("${ mydomain }", "example.test"),
        ("[$unknown][$empty]", "[][]"),
        ("$$name $money", "$name $5"),
        ("${one?yes}${empty?no}", "yes"),
        ("${one:no}${empty:yes}${unknown:too}", "yestoo"),
        ("${one?{yes}:{no}} ${empty?{yes}:{no}} ${empty?{yes}:no}", "yes no no"),
        ("${one ? {a} : {b}}", "a"),
        ("${one?a:b}", "a:b"),
        ("${one?$myhostname}", "mail.example.test"),
        ("${nothing?{set}}", "set"),
        ("${one?{${empty?{x}:{deep}}}}", "deep"),
        ("${{$one} == {1} ? {same} : {other}}", "same"),
        ("${{a} != {a}?{x}:{y}}", "y"),
        ("${{$one} < {$ten} ? {number} : {text}}", "number"),
        ("${{b} > {a10}}", "true"),
        ("${{9} >= {10}}${{9x} >= {10}}", "true"),
        ("${{$level} >=level {3.10} ? {new} : {old}}", "old"),
        ("${{3.6} ==level {3.6.0} ? {same}}", "same"),
        ("${{$level} <level {1} ? {permit} : {${{4} <=level {3.6} ? {x} : {reject}}}}", "reject"),
    ],
)
def test_text_is_expanded(text: str, expanded: str) -> None:
    assert expand(text, VALUES.get) == expanded


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$loop", r"\$loop stands for itself: loop → pool → loop"),
        ("$self", r"\$self stands for itself"),
        ("100 $", "a name is missing"),
        ("$-", "a name is missing"),
        ("${}", "a name is missing"),
        ("${one", '"}" is missing'),
        ("$(one", r'"\)" is missing'),
        ("${one-two}", "is no name"),
        ("${one?{a}b}", '":" is wanted'),
        ("${one?{a}:{b}c}", '"c" is too much'),
        ("${{1} = {1}}", "a comparison"),
        ("${{1} ==LEVEL {1}}", "a comparison"),
        ("${{1} == 1}", '"{" is wanted'),
        ("${{1} == {1} x}", 'or ":" is wanted'),
        ("${{1} <level {x}}", "no compatibility level"),
        ("${one?" * 200 + "}" * 200, "more than 100"),
    ],
)
def test_what_postfix_would_not_start_with_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expand(text, VALUES.get)


@given(st.text())
def test_text_without_a_dollar_stays(text: str) -> None:
    text = text.replace("$", "")
    assert expand(text, VALUES.get) == text
    assert expand(text + "$$" + text, VALUES.get) == f"{text}${text}"


@given(st.text("${}()?:=<>!alevonempty1 \t", max_size=40))
def test_nothing_but_an_answer_or_a_refusal_comes(text: str) -> None:
    with contextlib.suppress(ValueError):
        expand(text, VALUES.get)

"""Regular expressions that a person may type: checked before they meet a hundred thousand texts.

Python's matcher can be stopped between two texts but not inside one, and it holds the interpreter while it
works. So the shapes that explode are refused: a repeat (or a choice) inside a repeat, back references, many
repeats one after the other; and no more than the beginning of a text is looked at.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

MAX_PATTERN = 200
MAX_REPEATS = 4
MAX_CHOICES = 10
#: How much of a text is looked at, in characters.
MAX_TEXT = 1000

_REPEAT = re.compile(r"(?:[*+?]|\{[0-9]*,?[0-9]*\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


@lru_cache(maxsize=64)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, without regard to case.

    Raises:
        ValueError: it is no regular expression, or one that could take for ever; the text says which.
    """
    if not pattern:
        raise ValueError("an empty expression")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _explodes(pattern):
        raise ValueError("this expression could take for ever: use fewer repeats, and none inside another")
    return result


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text's first `MAX_TEXT` characters."""
    return compiled(pattern).search(text, 0, MAX_TEXT) is not None


def _explodes(pattern: str) -> bool:
    groups = [False]  # of each open group: whether it can match in more than one way
    repeats = choices = at = 0
    while at < len(pattern):
        closed = False
        if pattern[at] == "\\":
            if pattern[at + 1 : at + 2].isdigit():
                return True  # a back reference
            at += 2
        elif bracket := _CLASS.match(pattern, at):
            at = bracket.end()
        elif pattern[at] == "(":
            groups.append(False)
            at += 2 if pattern.startswith("(?", at) else 1
            continue
        elif pattern[at] == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] |= closed
            at += 1
        else:
            if pattern[at] == "|":
                choices += not groups[-1]
                groups[-1] = True
            at += 1
        if repeat := _REPEAT.match(pattern, at):
            if closed and repeat[0][0] != "?":
                return True
            groups[-1] = True
            choices += 1
            repeats += repeat[0][0] != "?"
            at = repeat.end()
    return repeats > MAX_REPEATS or choices > MAX_CHOICES

"""Regular expressions for names of attachments that end in an extension, however the name is written.

What mail programs decode in ``Content-Type: …; name=`` and ``Content-Disposition: …; filename=``, Postfix
does not: its tables see one logical header as it came (header_checks(5)). So a pattern knows for each
character how it may look: as it is, behind a backslash in a quoted string (RFC 5322), ``%65`` (RFC 2231),
``=65`` in an encoded word (RFC 2047); and for base64, what becomes of it in there. The patterns are POSIX
extended ones, as Postfix has them everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product

_BLANKS = "[[:space:]]*"
_FOLD = f"[[:cntrl:]]{_BLANKS}"
_START = "[;[:space:])]"
_WORD = r"=\?[^?]*\?q\?"
#: What may end a name without being part of it: Windows drops blanks and dots there.
_TAIL = r"[[:space:].'\\]|[%=]2[0e]"
_QUOTED = r'"([^"\\]|\\.)*'
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ANY = frozenset(range(256))

#: Headers that name an attachment, and among them those with names in pieces or in base64.
NAMED = rf"^Content-(Type|Disposition){_BLANKS}:.*name"
PIECES = r"name\*[0-9]"
BASE64 = r"=\?[^?]*\?b\?"


def whole(extension: str) -> str:
    """A name in one piece: quoted, bare, ``name*=utf-8''…``, encoded words of the kind Q."""
    gap = rf"(\?={_BLANKS}{_WORD}|\?=|{_WORD}|{_FOLD})?"
    end = f"{_ending(extension, gap)}({_TAIL}|_*\\?=)*"
    bare_word = f'[^";[:space:]]*{_ending(extension, gap)}[[:space:](]'
    return rf'{_START}(file)?name\*?{_BLANKS}={_BLANKS}({_QUOTED}{end}("|$)|[^";]*{end}(;|$)|{bare_word})'


def pieces(extension: str) -> str:
    """A name in pieces (RFC 2231: ``filename*0="repo"; filename*1="rt.exe"``), ended by the last one."""
    return "|".join(_pieces(extension, parameter) for parameter in ("filename", "name"))


def disorder() -> str:
    """Pieces that do not stand in their order: then no pattern can see how the name ends."""
    return "|".join(
        rf"name\*([{first + 1}-9]|[1-9][0-9]+)\*?{_BLANKS}=.*name\*{first}\*?{_BLANKS}=" for first in range(9)
    )


def base64(extension: str) -> str:
    """A name in encoded words of the kind B, also where a new word begins within the extension.

    Case matters in base64, so this one is to be matched case by case.
    """
    ending = [frozenset({ord(char), ord(char.upper())}) for char in f".{extension}"]
    trimmed = frozenset(b". ")
    gap = rf"=*\?={_BLANKS}=\?[^?]*\?[Bb]\?"
    ways = [_encoded([*ending, *tail]) for tail in ([], [trimmed])]
    for at in range(1, len(ending)):
        ways.append(f"({_encoded(ending[:at])}){gap}{_sextets(ending[at:])}")
    return rf'\?[Bb]\?([A-Za-z0-9+/]{{4}})*({"|".join(ways)})=*\?=[[:space:].]*([";]|$)'


def _ending(extension: str, gap: str) -> str:
    """A dot and the extension, with what may come between two of their characters."""
    return gap.join(_character(char) for char in f".{extension}")


def _character(char: str) -> str:
    """A character in all its spellings."""
    plain = f"\\{char}" if char in ".+" else char
    code = ord(char)
    high = f"[{code >> 4}{code >> 4 ^ 2}]" if char.isalpha() else f"{code >> 4}"
    return rf"\\?({plain}|[%=]{high}{code & 15:x})"


def _pieces(extension: str, parameter: str) -> str:
    piece = rf'"?{_BLANKS};{_BLANKS}{parameter}\*[0-9]+\*?{_BLANKS}={_BLANKS}"?'
    begin = rf'{_START}{parameter}\*[0-9]+\*?{_BLANKS}={_BLANKS}({_QUOTED}|[^";]*)'
    end = f'{_ending(extension, f"({piece}|{_FOLD})?")}({_TAIL}|{piece})*(["([:space:]][^";]*)?'
    # Behind the last piece there is nothing, or something else.
    return rf"{begin}{end}($|;{_BLANKS}($|{_not_a_further(parameter)}))"


def _not_a_further(parameter: str) -> str:
    """What is no further piece of a name: a pattern cannot say "not", so letter by letter."""
    text = f"{parameter}*"
    differing = [f"{text[:at]}[^{char}{'' if at else '[:space:]'}]" for at, char in enumerate(text)]
    differing.append(rf"{parameter}\*[^1-9]")
    return f"({'|'.join(differing)})"


def _encoded(ending: list[frozenset[int]]) -> str:
    """The end of some bytes in base64: it looks different as zero, one or two bytes of a group precede it."""
    return "|".join(_sextets([_ANY] * before + ending) for before in range(3))


def _sextets(text: list[frozenset[int]]) -> str:
    """The base64 of bytes of which some are not known exactly; each is the set of what it may be."""
    out = []
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        for sextet in range(len(group) + 1):
            first, last = 6 * sextet // 8, (6 * sextet + 5) // 8
            known = range(first, min(last + 1, len(group)))
            parts = [_bits(group[index], 16 - 8 * index, 18 - 6 * sextet) for index in known]
            out.append(_one_of(_BASE64[sum(bits)] for bits in product(*parts)))
    return "".join(out)


@cache
def _bits(byte: frozenset[int], left: int, right: int) -> frozenset[int]:
    """What a byte gives to six bits of its group: few values, however little is known of the byte."""
    return frozenset(value << left >> right & 63 for value in byte)


def _one_of(chars: Iterable[str]) -> str:
    found = sorted(set(chars))
    if len(found) == len(_BASE64):
        return "[A-Za-z0-9+/]"
    return f"[{''.join(found)}]" if len(found) > 1 or found == ["+"] else found[0]

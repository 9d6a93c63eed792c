"""Kinds of values that filters have: tolerances, frequencies, addresses, domains, where signatures are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mtatui.settings import syntax
from mtatui.settings.kinds import Choice, Kind, Listed, Refused
from mtatui.settings.syntax import one_line, quoted

#: What SpamAssassin's score is that counts as 100 %.
POINTS = 20
#: The most percent that a level is taken as; nothing scores that high (GTUBE has 1000 points).
MOST = 5000.0


def to_points(percent: float) -> float:
    """A share of the scale as SpamAssassin's score: 33 % are 6.6. Decimals are kept."""
    return round(percent * POINTS / 100, 4)


def to_percent(points: float) -> float:
    """SpamAssassin's score as a share of the scale: 6.31 are 31.55 %."""
    return round(points * 100 / POINTS, 4)


def number(value: float) -> str:
    """A number as a person writes it: ``33``, ``31.55``."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Tolerance(Kind):
    """A level of spam, in percent of `POINTS`; some levels have names."""

    levels: Mapping[str, float] = field(default_factory=dict)
    """Percent by name. Carbonio's; any other is called Custom."""
    editor: ClassVar[str] = "tolerance"
    empty: ClassVar[float] = 100.0
    takes: ClassVar[str] = "33 or 33% (of 20 points), 6.6p (points), low, medium or high"

    @property
    def offers(self) -> tuple[str, ...]:  # type: ignore[override]  # where others have a constant
        """The levels that have names."""
        return tuple(name.lower() for name in self.levels)

    def parse(self, text: str) -> float:
        word = one_line(text).lower()
        for name, percent in self.levels.items():
            if word == name.lower():
                return percent
        match = re.fullmatch(
            r"(?P<score>score\s+)?(?P<sign>[+-]?)(?P<number>\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})\s*"
            r"(?P<unit>%|percent|p|points?)?",
            word,
            re.ASCII,
        )
        if match is None or (match["score"] and match["unit"] in ("%", "percent")):
            names = ", ".join(self.offers)
            raise Refused(f"{quoted(text)} is no level: write 33 or 33% of the scale, 6.6p, or {names}")
        given = float(match["number"])
        points = bool(match["score"]) or match["unit"] in ("p", "point", "points")
        return self._possible(-given if match["sign"] == "-" else given, points=points)

    def _possible(self, given: float, *, points: bool) -> float:
        percent = to_percent(given) if points else round(given, 4)
        if percent < 0:
            raise Refused("a level below 0 would count nearly all mail as spam")
        if percent > MOST:
            raise Refused(
                f"{number(MOST)} % ({number(to_points(MOST))} points) is the most; nothing scores that"
            )
        return percent

    def name(self, value: float) -> str:
        """What the level is called."""
        return next((name for name, percent in self.levels.items() if percent == value), "Custom")

    def text(self, value: float) -> str:
        return f"{number(value)}%"

    def show(self, value: float) -> str:
        return f"{self.name(value)} · {number(value)} % = {number(to_points(value))}"

    def load(self, data: Any) -> float:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return self.parse(str(data))
        loaded: float = super().load(data)
        return loaded

    def dump(self, value: float) -> float | int:
        return int(value) if value == int(value) else value


class Frequency(Kind):
    """How often: seconds between two times; written with one unit, ``45s 30m 2h 1d 3w``."""

    empty = 0
    takes = "a number and s, m, h, d or w: 45s, 30m, 2h, 1d, 3w"
    units: ClassVar[dict[str, int]] = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    _names: ClassVar[dict[str, str]] = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
    LEAST, MOST = 1, 52 * 604800

    def parse(self, text: str) -> int:
        word = one_line(text).lower()
        word = re.sub(r"^every\s+", "", word)
        match = re.fullmatch(
            r"(\d{1,9})\s*(?:(?:(s)(?:ec(?:onds?)?)?|(m)(?:in(?:utes?)?)?|(h)(?:ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?))",
            word,
            re.ASCII,
        )
        if match is None:
            raise Refused(f"{quoted(text)} is no frequency: write {self.takes.partition(': ')[2]}")
        seconds = int(match[1]) * self.units[match[match.lastindex or 1]]
        if not self.LEAST <= seconds <= self.MOST:
            raise Refused("from every second to once a year (52w) is possible")
        return seconds

    def text(self, value: int) -> str:
        for unit, seconds in self.units.items():
            if value and value % seconds == 0:
                return f"{value // seconds}{unit}"
        return f"{value}s"

    def show(self, value: int) -> str:
        if not value:
            return "never"
        text = self.text(value)
        count, name = int(text[:-1]), self._names[text[-1]]
        return f"every {name}" if count == 1 else f"every {count} {name}s"

    def mind(self, value: int) -> str:
        if 0 < value < self.units["h"]:
            return "Public mirrors block for a day who asks more than hourly; that takes one of your own."
        return ""

    def dump(self, value: int) -> str:
        return self.text(value)


class Address(Kind):
    """A mail address (RFC 5321); empty for nobody."""

    takes = "a mail address, or nothing"

    def parse(self, text: str) -> str:
        return address(text) if one_line(text) else ""


class Prefix(Kind):
    """What is put in front of a subject; a blank between the two is understood. Empty for nothing."""

    takes = "a few characters such as [SPAM], or nothing"
    LONGEST = 80

    def parse(self, text: str) -> str:
        value = one_line(text)
        if len(value) > self.LONGEST:
            raise Refused(f"{self.LONGEST} characters are the most: subjects are seen in narrow columns")
        return value


class Domains(Listed):
    """Domains; ``*.example.com`` stands for all below it."""

    takes = "a list of domains"

    def item(self, text: str) -> str:
        """One domain, checked."""
        word = one_line(text).lower()
        star = "*." if word.startswith("*.") else ""
        if "@" in word:
            raise Refused(f"{quoted(text)} is an address; a domain is wanted here")
        domain = syntax.host_name(word.removeprefix("*."))
        if "." not in domain:
            raise Refused(f"{quoted(text)} is no full domain: write example.com")
        return star + domain


class Mirrors(Listed):
    """Servers from which signatures come: host names, or URLs where it is not HTTPS."""

    editor = "sources"
    takes = "a list of host names or http(s):// URLs"

    def item(self, text: str) -> str:
        """One server, checked."""
        word = one_line(text)
        return url(word, ("https", "http")) if "://" in word else syntax.host_name(word).lower()


class Signatures(Listed):
    """Files with signatures of one's own: URLs, or names of files in clamd's database directory."""

    editor = "sources"
    takes = "a list of http(s):// and file:// URLs, and of files in the database directory"
    endings: ClassVar[frozenset[str]] = frozenset(
        re.findall(
            r"\w+",
            "cat cbc cdb cfg crb db fp ftm gdb hdb hdu hsb hsu idb ign ign2 info ioc ldb ldu mdb mdu msb msu "
            "ndb ndu pdb pwdb rmd sfp wdb yar yara zmd",
        )
    )
    """What ClamAV takes as a database of its own (clamscan(1) --database, its manual's "Signatures")."""

    def item(self, text: str) -> str:
        """One file, checked."""
        word = one_line(text)
        if "://" in word:
            return url(word, ("https", "http", "file"))
        name = word.rpartition("/")[2]
        if "/" in word:
            raise Refused(f"{quoted(word)}: write file:///the/path of it, or its bare name")
        return file_name(name, self.endings)


def file_name(name: str, endings: Collection[str]) -> str:
    """The name of a file of signatures.

    Raises:
        Refused: it cannot be one.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,120}", name, re.ASCII):
        raise Refused(f"{quoted(name)} is no name for a file of signatures: letters, digits, . _ - + @")
    if name.rpartition(".")[2] not in endings or "." not in name:
        raise Refused(
            f"{quoted(name)}: clamd takes no such file; it would end in .ndb, .hdb, .hsb, .ldb, .yara …"
        )
    return name


def url(text: str, schemes: Sequence[str]) -> str:
    """A URL as clamd's and freshclam's files can hold it: one word, without quotes.

    Raises:
        Refused: it is none, or of another scheme.
    """
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in schemes:
        raise Refused(f"{quoted(text)}: a URL begins with {', '.join(f'{one}://' for one in schemes)} here")
    host, slash, path = rest.partition("/")
    if not re.fullmatch(r"[!$&()*+,;=:@%/?A-Za-z0-9._~\[\]-]*", rest, re.ASCII):
        raise Refused(f"{quoted(text)} holds characters that a URL writes as %XX")
    if scheme.lower() == "file":
        if host or not path:
            raise Refused(f"{quoted(text)}: write file:///path/to/file")
        return f"file:///{path}"
    name, at, place = host.rpartition("@")
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d{1,5}))?", place)
    if match is None or (match[2] and not 0 < int(match[2]) < 65536):
        raise Refused(f"{quoted(text)} names no server")
    if not match[1].startswith("[") and not re.fullmatch(r"\d+(?:\.\d+){3}", match[1], re.ASCII):
        syntax.host_name(match[1])
    return f"{scheme.lower()}://{name}{at}{place}{slash}{path}"


def address(text: str) -> str:
    """A mail address: a dot-atom, ``@``, a domain (RFC 5321).

    Raises:
        Refused: it is none.
    """
    word = one_line(text)
    local, at, domain = word.rpartition("@")
    if not at:
        raise Refused(f"{quoted(word)} is no mail address: write name@example.com")
    atom = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    if len(local) > 64 or not re.fullmatch(rf"{atom}(?:\.{atom})*", local, re.ASCII):
        raise Refused(f"{quoted(word)}: what stands before @ cannot be so")
    name = syntax.host_name(domain)
    if "." not in name and name.lower() != "localhost":
        raise Refused(f"{quoted(word)}: the domain must be a full one")
    return f"{local}@{name}"


class Destiny(Choice):
    """What happens to mail in which a filter has found something."""

    def mind(self, value: str) -> str:
        if value in ("reject", "bounce"):
            return (
                "Backscatter: such senders are mostly forged, so strangers get the bounces, and block lists "
                "take this server in for them."
            )
        return ""


#: What can happen to mail that a filter has found something in.
DESTINY = Destiny(
    (
        ("discard", "nobody gets it, nobody is told; a copy may be in the quarantine"),
        ("pass", "it is delivered anyway, with a header that tells what was found"),
        ("reject", "it is refused; after Postfix has taken it in, this too becomes a bounce to its sender"),
        ("bounce", "its sender is told"),
    )
)

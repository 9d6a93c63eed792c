"""Perl, as far as amavis's files need it: one way to quote, our own file, where a variable is set.

The admin's files are programs: nobody but Perl knows what they do (see `amavis_asking`, which has amavisd run
them). Our own file is nothing but assignments, each on a line of its own, which are read back as they were
written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

HEADER = """\
use strict;

# Written by mtatui. It is read last: what stands here goes before what other files say.
# What is changed here by hand is lost when mtatui writes it again.
return 1 if $ENV{MTATUI_WITHOUT};  # mtatui asks what would be so without this file
"""
FOOTER = "\n1;  # ensure a defined return\n"
#: In front of what is banned already, whatever it is called there. Names only, not what file(1) says.
BANNED = r"""
# Attachments whose names end so, also inside archives.
my @extensions = (%s);
my $names = do { my $ends = join('|', map { quotemeta } @extensions); qr/.\.(?:$ends)[.\s]*\z/i };
$_ = new_RE($names, ref $_ eq 'Amavis::Lookup::RE' ? @$_ : ())
  for $banned_filename_re, grep { ref $_ eq 'Amavis::Lookup::RE' } values %%banned_rules;
"""
_TARGET = r"(?:our )?[$@]\w+(?:\{'(?:[^'\\]|\\.)*'\}){0,2}"
_LINE = re.compile(rf"({_TARGET}) = (.*);\Z")
_EXTENSIONS = re.compile(r"my @extensions = \((.*)\);\Z")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)


def quote(text: str) -> str:
    """A text as Perl's single-quoted string (perlop(1)): only ``\\`` and ``'`` mean something in it.

    Raises:
        ValueError: it holds a line break or a control character, which no setting of ours has.
    """
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError("a text with a control character does not go into a file of amavis")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def unquote(literal: str) -> str | None:
    """The text of a single-quoted string; None where it is something else."""
    match = _QUOTED.fullmatch(literal)
    return None if match is None else re.sub(r"\\([\\'])", r"\1", match[1])


def number(value: float) -> str:
    """A number as Perl has it: ``6.6``, never ``1e-05``."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Own:
    """Our file: what is assigned, in the order of the names, and the extensions that are banned."""

    said: Mapping[str, str] = field(default_factory=dict)
    """What Perl is to assign, by what it assigns to: ``{"$sa_tag2_level_deflt": "6.6"}``."""
    extensions: tuple[str, ...] = ()
    intact: bool = True
    """It is as we write it."""

    def set(self, target: str, expression: str | None) -> Own:
        """The file in which this is assigned; None for what is said no more."""
        said = {name: value for name, value in self.said.items() if name != target}
        return replace(self, said=said if expression is None else {**said, target: expression})

    @property
    def data(self) -> bytes | None:
        """What stands in it; None where it says nothing: then there is none."""
        if not self.said and not self.extensions:
            return None
        lines = [f"{target} = {self.said[target]};\n" for target in sorted(self.said, key=_order)]
        banned = BANNED % ", ".join(map(quote, self.extensions)) if self.extensions else ""
        return "".join([HEADER, "\n" * bool(lines), *lines, banned, FOOTER]).encode(
            "utf-8", "surrogateescape"
        )


def _order(target: str) -> tuple[bool, str]:
    return not target.startswith("our "), target


def parse(data: bytes) -> Own:
    """Our file as it was found; what is no assignment of the kind that we write, is left out of it."""
    said: dict[str, str] = {}
    extensions: tuple[str, ...] = ()
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        if match := _EXTENSIONS.match(line):
            extensions = tuple(
                text for literal in _QUOTED.finditer(match[1]) if (text := unquote(literal[0])) is not None
            )
        elif (match := _LINE.match(line)) and not line.startswith("my "):
            said[match[1]] = match[2]
    found = Own(said, extensions)
    return replace(found, intact=found.data == data)


def code(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a file that are neither comments nor documentation (perlpod(1)), with their numbers."""
    documentation = False
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if re.match(r"=[a-zA-Z]", line):
            documentation = not line.startswith("=cut")
        elif re.match(r"\s*__(?:END|DATA)__\b", line):
            return
        elif not documentation and not re.match(r"\s*(?:#|$)", line):
            yield number, line


def places(names: Iterable[str], files: Mapping[str, bytes]) -> dict[str, tuple[str, int]]:
    """Where variables (with their sigils) are set last, by name: a file and a line. What Perl does in a
    roundabout way is not seen.

    Args:
        files: what is in them, by path, in the order in which they are read.
    """
    wanted = {name: re.compile(rf"(?<!\\){re.escape(name)}\s*=(?![=~>])") for name in names}
    found = {}
    for path, data in files.items():
        for number, line in code(data):
            for name, pattern in wanted.items():
                if pattern.search(line):
                    found[name] = path, number
    return found


def with_include(data: bytes, path: str) -> bytes:
    """An amavisd.conf that reads another file at its end, in front of the ``1;`` that ends it."""
    line = f"include_optional_config_files({quote(path)});  # mtatui's settings, read last\n".encode()
    if includes(data, path):
        return data
    ends = list(re.finditer(rb"(?m)^[ \t]*1;[^\n]*(?:\n|\Z)", _before_end(data)))
    end = ends[-1] if ends else None
    if end is not None and not re.search(rb"(?m)^[ \t]*[^#\s]", _before_end(data)[end.end() :]):
        return data[: end.start()] + line + data[end.start() :]
    body = _before_end(data)
    rest = data[len(body) :]
    newline = b"" if body.endswith(b"\n") or not body else b"\n"
    # The semicolon: the last statement of a file needs none.
    return body + newline + b";" * bool(body) + line + b"1;\n" + rest


def includes(data: bytes, path: str) -> bool:
    """Whether it does so already."""
    return any(path in line and "include_" in line for _, line in code(data))


def _before_end(data: bytes) -> bytes:
    end = re.search(rb"(?m)^__(?:END|DATA)__\b", data)
    return data if end is None else data[: end.start()]

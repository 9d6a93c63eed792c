"""Perl for amavis: what is quoted means itself to the real perl, our file is read as it was written."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.backends.filters import amavis_perl
from mtatui.backends.filters.amavis_perl import Own, parse, quote, unquote, with_include

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40) | st.text(
    "'\\$@%{}()[]\"`;#&!|<>\N{RIGHT SINGLE QUOTATION MARK}q~= a", max_size=20
)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=40))
def test_perl_understands_what_was_meant(texts: list[str]) -> None:
    program = "\n".join(
        ["use strict; use warnings FATAL => 'all';", *(f"print {quote(t)}, qq(\\n);" for t in texts)]
    )
    done = subprocess.run(["perl", "-"], input=program.encode(), capture_output=True, check=True)
    assert done.stdout.decode().split("\n")[:-1] == texts
    assert done.stderr == b""
    assert [unquote(quote(text)) for text in texts] == texts


@pytest.mark.parametrize("text", ["a\nb", "a\0", "\x1b[2J", "\x7f", "x\r"])
def test_no_line_breaks_and_no_controls(text: str) -> None:
    with pytest.raises(ValueError, match="control"):
        quote(text)


@pytest.mark.parametrize("literal", ['"a"', "'a' . 'b'", "'a'b'", "q(a)", "", "'", "system('x')", "'a\\'"])
def test_only_a_whole_literal_is_a_text(literal: str) -> None:
    assert unquote(literal) is None


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "$sa_spam_subject_tag",
                "our $mtatui_admin_address",
                "$policy_bank{'AM.PDP-SOCK'}{'bypass_spam_checks_maps'}",
                "@bypass_virus_checks_maps",
            ]
        ),
        TEXT.map(quote) | st.sampled_from(["6.6", "undef", "D_DISCARD", "(1)"]),
    ),
    st.lists(st.from_regex(r"\A[a-z0-9]{1,5}(\.[a-z0-9]{1,3})?\Z"), unique=True, max_size=5),
)
def test_our_file_is_read_as_it_was_written(said: dict[str, str], extensions: list[str]) -> None:
    own = Own(said, tuple(extensions))
    if not said and not extensions:
        assert own.data is None
        return
    data = own.data
    assert data is not None
    assert data.endswith(b"\n1;  # ensure a defined return\n")
    found = parse(data)
    assert (found.said, found.extensions, found.intact) == (said, tuple(extensions), True)
    for more in (data + b"# a word\n", data.replace(b"use strict;\n", b""), b"\xff" + data):
        assert not parse(more).intact
    for name in said:
        found = found.set(name, None)
    assert (found.data is None) == (not extensions)


ADMIN = b"""\
use strict;
# $sa_kill_level_deflt = 1;
$sa_kill_level_deflt = 5;
=head1 Notes

$sa_kill_level_deflt = 2;

=cut
  $sa_kill_level_deflt=7.5; $sa_tag2_level_deflt  = 6;
if ($sa_tag2_level_deflt == 4) { }
my $x = \\$final_spam_destiny;
@bypass_spam_checks_maps = (
   \\%bypass_spam_checks);
1;
__END__
$sa_kill_level_deflt = 3;
"""


def test_where_something_is_set_last() -> None:
    names = (
        "$sa_kill_level_deflt",
        "$sa_tag2_level_deflt",
        "@bypass_spam_checks_maps",
        "$final_spam_destiny",
    )
    assert amavis_perl.places(names, {"/a/20-x": b"$sa_kill_level_deflt = 1;\n", "/a/50-user": ADMIN}) == {
        "$sa_kill_level_deflt": ("/a/50-user", 9),
        "$sa_tag2_level_deflt": ("/a/50-user", 9),
        "@bypass_spam_checks_maps": ("/a/50-user", 12),
    }


@pytest.mark.parametrize(
    "data",
    [
        b"use strict;\n$a = 1;\n1;  # ensure a defined return\n",
        b"$a = 1;\n1;\n\n# the end\n",
        b"$a = 1;\n1;\n__END__\n1;\nwords\n",
        b"$a = 1;\n",
        b"$a = 1;",
        b"1;\n$a = 1;\n",
        b"",
        b"sub f {\n1;\n}\n$a = 1\n",
    ],
)
def test_one_line_makes_an_admins_file_read_ours_last(data: bytes) -> None:
    after = with_include(data, "/etc/amavisd/mtatui.conf")
    lines, own = after.split(b"\n"), b"include_optional_config_files('/etc/amavisd/mtatui.conf')"
    assert sum(line.lstrip(b";").startswith(own) for line in lines) == 1
    kept = [line for line in data.split(b"\n") if line.strip()]
    assert [line for line in lines if line in kept and line.strip()][: len(kept)] == kept
    assert with_include(after, "/etc/amavisd/mtatui.conf") == after
    program = b"our $a; our @read; sub include_optional_config_files { @read = @_ }\n" + after
    check = "my $r = do { local $/; eval <STDIN> }; die $@ if $@; die 'false' unless $r"
    done = subprocess.run(["perl", "-e", check], input=program, capture_output=True, check=False)
    assert done.returncode == 0, (after, done.stderr)


def test_a_comment_about_it_is_no_include() -> None:
    data = b"# include_config_files('/etc/amavisd/mtatui.conf');\n1;\n"
    assert with_include(data, "/etc/amavisd/mtatui.conf") != data

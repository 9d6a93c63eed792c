"""Asks amavisd what it makes of its files: they are programs, and nobody else knows.

Perl runs amavisd as ``amavisd -c FILE … test-config`` does, which reads the files and ends; when it ends,
what its variables have become is printed, a line for each. Nothing is written, no socket is opened. It takes
half a second, has a time limit, and is not done again while the files are as they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mtatui.backends.host import Completed, Host, TimedOut
from mtatui.text import clean

#: Seconds that the admin's files may take.
PATIENCE = 15.0
#: What lines of ours begin with: the admin's files may print, too.
_MARK = "mtatui-amavis "
#: What is asked for; `_PERL` says what each becomes.
SCALARS = """
sa_spam_subject_tag sa_spam_modifies_subj sa_tag_level_deflt sa_tag2_level_deflt sa_kill_level_deflt
sa_dsn_cutoff_level sa_quarantine_cutoff_level sa_local_tests_only final_virus_destiny final_banned_destiny
final_spam_destiny enable_dkim_verification virus_admin banned_admin warnvirusrecip warnbannedrecip
mtatui_admin_address inet_socket_port inet_socket_bind unix_socketname daemon_user QUARANTINEDIR logfile
"""
MAPS = """
bypass_virus_checks_maps bypass_spam_checks_maps bypass_banned_checks_maps spam_tag2_level_maps
spam_kill_level_maps spam_subject_tag2_maps virus_admin_maps banned_admin_maps warnvirusrecip_maps
warnbannedrecip_maps spam_scanners
"""
#: In the END of the program: amavisd itself has ended with status 0 then.
_PERL = r"""
BEGIN { $ENV{AMAVIS_TEST_CONFIG} = 1 }
no strict; no warnings;
sub mtatui_json {
  my ($v, $deep) = @_;
  return 'null' if !defined $v;
  my $r = ref $v;
  if (!$r) { my $s = "$v"; utf8::encode($s) if utf8::is_utf8($s); return '"' . unpack('H*', $s) . '"' }
  return '["' . $r . '"]' if $deep > 4;
  return '{"scalar":' . mtatui_json($$v, $deep + 1) . '}' if $r eq 'SCALAR' || $r eq 'REF';
  return '{"list":[' . join(',', map { mtatui_json($_, $deep + 1) } @$v) . ']}'
    if $r eq 'ARRAY' || $r eq 'Amavis::Lookup::RE';
  return '{"table":{'
    . join(',', map { mtatui_json($_) . ':' . mtatui_json($v->{$_}, $deep + 1) } sort keys %$v)
    . '}}' if $r eq 'HASH';
  return '{"other":' . mtatui_json($r) . '}';
}
END {
  if ($? == 0 && $mtatui_begun) {
    my %found;
    $found{$_} = mtatui_json(${"Amavis::Conf::$_"} // ${"main::$_"}) for split ' ', $mtatui_scalars;
    $found{"\@$_"} = mtatui_json([map { my $one = $_; mtatui_own($one) } @{"Amavis::Conf::$_"}])
      for split ' ', $mtatui_maps;
    $found{av} = mtatui_json([map { ref $_ ? [map { ref $_ eq 'CODE' ? 'CODE' : $_ } @$_[0 .. 2]] : $_ }
      @Amavis::Conf::av_scanners]);
    $found{av_backup} = mtatui_json([map { ref $_ ? [@$_[0, 1]] : $_ } @Amavis::Conf::av_scanners_backup]);
    my %banks;
    for my $name (grep { $_ ne '' } keys %Amavis::Conf::policy_bank) {
      my $bank = $Amavis::Conf::policy_bank{$name};
      $banks{$name} = {map { ($_ => $bank->{$_}) } grep { exists $bank->{$_} }
        qw(originating bypass_spam_checks_maps bypass_virus_checks_maps protocol forward_method)};
    }
    $found{banks} = mtatui_json(\%banks);
    $found{interfaces} = mtatui_json(\%Amavis::Conf::interface_policy);
    $found{banned_rules} = mtatui_json([sort keys %Amavis::Conf::banned_rules]);
    $found{destinies} = mtatui_json({map { my $d = $Amavis::Conf::final_destiny_maps_by_ccat{$_};
      ($_ => ref $d eq 'CODE' ? 'CODE' : $d) } keys %Amavis::Conf::final_destiny_maps_by_ccat});
    my @keys = map { my $k = $_; my $s = $Amavis::Conf::dkim_signing_keys_storage[$k->{key_storage_ind}];
      [ref $k->{domain} ? 'a pattern' : $k->{domain}, $k->{selector}, ref $s eq 'ARRAY' ? $s->[3] : undef] }
      @Amavis::Conf::dkim_signing_keys_list;
    $found{dkim_keys} = mtatui_json(\@keys);
    print STDOUT "\n" . $mtatui_mark . $_ . ' ' . $found{$_} . "\n" for sort keys %found;
  }
}
sub mtatui_own {
  my ($one) = @_;
  for my $name (split ' ', $mtatui_scalars) {
    return {own => $name} if ref $one eq 'SCALAR' && $one == \${"Amavis::Conf::$name"};
  }
  return {code => 1} if ref $one eq 'CODE';
  return {table => scalar keys %$one} if ref $one eq 'HASH';
  return $one;
}
"""
#: Where amavisd may be: it is no module, and Perl does not look for programs.
PROGRAMS = ("/usr/sbin/amavisd", "/usr/sbin/amavisd-new", "/usr/local/sbin/amavisd", "/opt/amavisd/amavisd")


class Unclear(Exception):
    """Amavis does not read its files to the end; what it said, in its own words."""


class Closed(Unclear):
    """It does not, because we are not root: the files, or what they name (keys), are closed to others."""


def command(files: Sequence[str], *, without: bool = False) -> tuple[str, ...]:
    """What evaluates these files, in this order; or what they say without ours (which then ends at once)."""
    programs = ", ".join(f"'{program}'" for program in PROGRAMS)
    begin = (
        f"$ENV{{MTATUI_WITHOUT}} = {int(without)}; $mtatui_mark = '{_MARK}'; "
        f"$mtatui_scalars = '{' '.join(SCALARS.split())}'; $mtatui_maps = '{' '.join(MAPS.split())}'; "
        f"for my $program ({programs}) {{ next unless -f $program; $0 = $program; $mtatui_begun = 1; "
        'do $program; die $@ if $@; exit 1 } die "there is no amavisd\\n";'
    )
    options = [word for path in files for word in ("-c", path)]
    return ("perl", "-T", "-e", _PERL + begin, "--", *options, "test-config")


async def ask(host: Host, files: Sequence[str], *, without: bool = False) -> dict[str, Any]:
    """What amavis's variables become; see `SCALARS`, `MAPS`.

    Args:
        without: our own file does not count.

    Returns:
        By name; texts as str (bytes that are no UTF-8 as surrogates), lists, tables as dicts, undef as None.

    Raises:
        Unclear: amavisd does not read them to the end, or not within `PATIENCE` seconds.
        HostError: the server does not answer.
    """
    try:
        completed = await host.run(command(files, without=without), timeout=PATIENCE, limit=4 * 1024 * 1024)
    except TimedOut:
        raise Unclear(f"amavisd did not read its files within {PATIENCE:.0f} seconds") from None
    found = dict(_lines(completed))
    if completed.returncode != 0 or "sa_kill_level_deflt" not in found:
        said = _words(completed)
        raise (Closed if "Permission denied" in said else Unclear)(said)  # root is denied nothing
    return found


def _lines(completed: Completed) -> Sequence[tuple[str, Any]]:
    found = []
    for line in completed.stdout.decode("ascii", "replace").split("\n"):
        if line.startswith(_MARK):
            name, _, value = line.removeprefix(_MARK).partition(" ")
            try:
                found.append((name, _plain(json.loads(value))))
            except ValueError:
                continue
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return bytes.fromhex(value).decode("utf-8", "surrogateescape")
    if isinstance(value, Mapping):
        ((kind, inner),) = value.items()
        if kind == "list":
            return [_plain(item) for item in inner]
        if kind == "table":
            return {_plain(name): _plain(item) for name, item in inner.items()}
        return {kind: _plain(inner)}
    return value


def _words(completed: Completed) -> str:
    """What amavisd said, the last of it, without what Perl adds for programmers."""
    said = (completed.stdout + b"\n" + completed.stderr).decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in said if line.strip() and not line.startswith(_MARK)]
    text = clean(" ".join(lines[:4])) or f"it ended with status {completed.returncode}"
    return re.sub(r" at (?:/usr/s?bin/amavisd\S*|\S+Amavis\S*\.pm|-e) line \d+.*", "", text)[:400]

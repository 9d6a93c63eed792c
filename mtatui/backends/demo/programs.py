"""Stands in for the programs of the filters: amavisd (and the Perl that asks it), clamd, freshclam, clamscan,
opendkim, spamassassin, systemctl.

They do as much as mtatui asks of them. Standard library only; a program of its own (see ``__main__.py``).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator

from mtatui.backends.demo import filters
from mtatui.backends.demo.daemons import ENGINE

NAMES = ("amavisd", "clamd", "clamscan", "freshclam", "opendkim", "perl", "spamassassin", "systemctl")

_DESTINIES = {"D_DISCARD": "0", "D_PASS": "1", "D_BOUNCE": "-2", "D_REJECT": "-3"}
_SCALAR = re.compile(r"\$(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|-?[\d.]+|D_\w+|undef)\s*;")
_LIST = re.compile(r"@(\w+)\s*=\s*\((.*?)\)\s*;")
_BANK = re.compile(r"\$policy_bank\{'(\w+)'\}\{'(\w+)'\}\s*=\s*\[(.*?)\]\s*;")
#: What amavisd has when nobody says anything, as far as it is asked.
_DEFAULTS: dict[str, object] = {
    "banned_admin": None, "daemon_user": "amavis", "enable_dkim_verification": "0",
    "final_banned_destiny": "-2",
    "final_spam_destiny": "-2", "final_virus_destiny": "0", "inet_socket_bind": "127.0.0.1",
    "inet_socket_port": "10024", "logfile": None, "mtatui_admin_address": None, "QUARANTINEDIR": None,
    "sa_dsn_cutoff_level": "10", "sa_kill_level_deflt": "6.9", "sa_quarantine_cutoff_level": None,
    "sa_spam_modifies_subj": "1", "sa_spam_subject_tag": None, "sa_tag2_level_deflt": "6.2",
    "sa_tag_level_deflt": "2", "unix_socketname": None, "virus_admin": None, "warnbannedrecip": "0",
    "warnvirusrecip": "0",
}  # fmt: skip
#: What SpamAssassin finds in a message that holds a word: points, rule, what it means.
_RULES = {
    b"invoice": (2.4, "DEMO_INVOICE", "An invoice that nobody has asked for"),
    b"viagra": (3.1, "DRUGS_ERECTILE", "Refers to an erectile drug"),
    b"unsubscribe": (0.1, "DEMO_LIST", "Looks like a newsletter"),
    b"http://": (1.2, "DEMO_PLAIN_LINK", "Links to a page without encryption"),
    b"xjs*c4jdbqadn1": (1000.0, "GTUBE", "Generic Test for Unsolicited Bulk Email"),
}
_ALWAYS = (-0.1, "DEMO_LOCAL", "Was scored by the demo, not by SpamAssassin")
_OWN = {
    "@banned_admin_maps": ("banned_admin", "virus_admin"),
    "@spam_kill_level_maps": ("sa_kill_level_deflt",),
    "@spam_subject_tag2_maps": ("sa_spam_subject_tag",),
    "@spam_tag2_level_maps": ("sa_tag2_level_deflt",),
    "@virus_admin_maps": ("virus_admin",),
    "@warnbannedrecip_maps": ("warnbannedrecip",),
    "@warnvirusrecip_maps": ("warnvirusrecip",),
}


def main(arguments: list[str]) -> int:
    """Run ``HOME NAME …``; returns its exit code."""
    home, name, *rest = arguments
    try:
        return _RUN[name](home, rest)
    except BrokenPipeError:
        return 1


# -- amavisd ---------------------------------------------------------------------------------------------


def _perl(home: str, arguments: list[str]) -> int:
    """What `mtatui.backends.filters.amavis_asking` has Perl ask of amavisd."""
    said = _evaluated(home, arguments)
    for name in sorted(said or ()):
        print(f"\nmtatui-amavis {name} {json.dumps(_told((said or {})[name]))}")
    return 1 if said is None else 0


def _evaluated(home: str, arguments: list[str]) -> dict[str, object] | None:
    """What amavis's variables become; None where it does not get to the end of its files."""
    without = any("{MTATUI_WITHOUT} = 1;" in word for word in arguments)
    values, lists, banks = dict(_DEFAULTS), dict[str, list[object]](), dict[str, dict[str, object]]()
    for path in _files(arguments):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError as error:
            print(f'Error in config file "{path}": {error.strerror}', file=sys.stderr)
            return None
        if not re.search(r"(?m)^1;", text):
            print(f'Error in config file "{path}": it did not return a true value', file=sys.stderr)
            return None
        if without and "MTATUI_WITHOUT" in text:
            continue
        for name, literal in _SCALAR.findall(re.sub(r"(?m)^\s*#.*", "", text)):
            values[{"LOGFILE": "logfile"}.get(name, name)] = _value(literal)
        for name, inside in _LIST.findall(re.sub(r"(?m)^\s*#.*", "", text)):
            lists[name] = [_value(word.strip()) for word in inside.split(",") if word.strip()]
        for bank, name, inside in _BANK.findall(text):
            banks.setdefault(bank, {})[name] = [_value(word.strip()) for word in inside.split(",") if word]
    said: dict[str, object] = {name: value for name, value in values.items() if name in _DEFAULTS}
    said |= {name: [{"own": one} for one in own] for name, own in _OWN.items()}
    for name in ("bypass_virus_checks_maps", "bypass_spam_checks_maps", "bypass_banned_checks_maps"):
        said[f"@{name}"] = lists.get(name, [])
    said["@spam_scanners"] = [["SpamAssassin", "Amavis::SpamControl::SpamAssassin"]]
    said["av"] = [["ClamAV-clamd", "CODE", ["CONTSCAN {}\n", f"{home}/run/clamd.ctl"]]]
    said |= {"av_backup": [["ClamAV-clamscan", "clamscan"]], "banned_rules": [], "dkim_keys": []}
    said |= {"banks": banks, "interfaces": {}, "destinies": dict.fromkeys(("6", "8", "9"), "CODE")}
    return said


def _files(arguments: list[str]) -> Iterator[str]:
    for at, word in enumerate(arguments):
        if word == "-c":
            yield arguments[at + 1]


def _value(literal: str) -> object:
    if literal.startswith("'"):
        return re.sub(r"\\([\\'])", r"\1", literal[1:-1])
    return None if literal == "undef" else _DESTINIES.get(literal, literal)


def _told(value: object) -> object:
    """As the Perl there tells values: texts in hexadecimal digits."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").hex()
    if isinstance(value, list):
        return {"list": [_told(one) for one in value]}
    if isinstance(value, dict):
        return {"table": {_told(name): _told(one) for name, one in value.items()}}
    return value


def _amavisd(home: str, arguments: list[str]) -> int:
    if "-V" in arguments:
        print("amavisd-new-2.13.0 (20221104)")
        return 0
    if "test-config" in arguments:
        return 1 if _evaluated(home, arguments) is None else 0
    _anew(home)
    return 0


def _anew(home: str) -> None:
    with open(f"{home}/amavis.log", "a", encoding="ascii") as log:
        stamp = time.strftime("%b %d %H:%M:%S")
        log.write(f"{stamp} mx1 amavis[901]: starting. (warm) amavisd at mx1.example.test\n")


# -- the others ------------------------------------------------------------------------------------------


def _version(home: str, arguments: list[str]) -> int:
    print(f"ClamAV {ENGINE}")
    return 0


def _freshclam(home: str, arguments: list[str]) -> int:
    if "--version" in arguments:
        return _version(home, arguments)
    now, path = time.time(), f"{home}/var/lib/clamav/daily.cld"
    stamp = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(now))
    log = next((word.partition("=")[2] for word in arguments if word.startswith("--log=")), os.devnull)
    version = filters.DAILY + 1
    with open(log, "a", encoding="ascii") as file:
        for line in (
            f"ClamAV update process started at {stamp}",
            f"daily database available for update (local {filters.DAILY}, remote {version})",
            f"Testing database: '{home}/var/lib/clamav/tmp.3f/clamav-5.tmp-daily.cld' ...",
            "Database test passed.",
            f"daily.cld updated (version: {version}, sigs: 2075688, f-level: 90, builder: raynman)",
            "main.cvd database is up-to-date (version: 62, sigs: 6647427, f-level: 90, builder: sigmgr)",
            "bytecode.cvd database is up-to-date (version: 339, sigs: 80, f-level: 90, builder: nrandolp)",
            "Clamd successfully notified about the update.",
        ):
            print(f"{stamp} -> {line}", flush=True)
            file.write(f"{stamp} -> {line}\n")
            time.sleep(0.4)
    with open(f"{path}.new", "w", encoding="ascii") as file:
        file.write(filters.header(path, now - 3600, version))
    os.rename(f"{path}.new", path)
    return 0


def _clamscan(home: str, arguments: list[str]) -> int:
    path = next(word.partition("=")[2] for word in arguments if word.startswith("--database="))
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
    except OSError as error:
        print(f"LibClamAV Error: cl_load(): {error.strerror}: {path}", file=sys.stderr)
        return 2
    bad = next((number for number, line in enumerate(lines, 1) if ":" not in line), 0)
    if bad and path.endswith(".ndb"):
        print(f"LibClamAV Error: Problem parsing database at line {bad}", file=sys.stderr)
        print("ERROR: Malformed database", file=sys.stderr)
        return 2
    print(f"----------- SCAN SUMMARY -----------\nKnown viruses: {len(lines)}\nEngine version: {ENGINE}")
    return 0


def _opendkim(home: str, arguments: list[str]) -> int:
    if "-V" in arguments:
        print("opendkim: OpenDKIM Filter v2.11.0")
        print("\tSupported signing algorithms:\n\t\trsa-sha1\n\t\trsa-sha256\n\t\ted25519-sha256")
    return 0


def _spamassassin(home: str, arguments: list[str]) -> int:
    if "-V" in arguments:
        print("SpamAssassin version 4.0.1")
    return 0


def rules(message: bytes) -> list[tuple[float, str, str]]:
    """What SpamAssassin finds in a message: points, rule, what it means."""
    text = message.lower()
    return [rule for word, rule in _RULES.items() if word in text] + [_ALWAYS]


def _systemctl(home: str, arguments: list[str]) -> int:
    if "amavis.service" in arguments and arguments[:1] != ["is-active"]:
        _anew(home)
    return 0


_RUN: dict[str, Callable[[str, list[str]], int]] = {
    "amavisd": _amavisd, "clamd": _version, "clamscan": _clamscan, "freshclam": _freshclam,
    "opendkim": _opendkim, "perl": _perl, "spamassassin": _spamassassin, "systemctl": _systemctl,
}  # fmt: skip

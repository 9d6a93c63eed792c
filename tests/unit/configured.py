"""Configurations of Postfix as they are read, from texts and without a Postfix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mtatui.backends import demo, planning
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Filters
from mtatui.backends.host import File, HostError, Missing
from mtatui.backends.postfix import tables
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.master_cf import MasterCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Reading
from mtatui.settings.plan import Plan, Tag

ETC = "/etc/postfix"
TYPES = "hash btree lmdb regexp pcre cidr texthash static inline mysql pgsql sqlite unionmap pipemap"
MAIN = """\
# The admin's own words.
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8 [::1]/128
"""
MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
smtp      unix  -       -       y       -       -       smtp
"""


@cache
def defaults() -> Mapping[str, str]:
    """What ``postconf -d`` of Postfix 3.7.11 says."""
    assert demo.__file__ is not None
    text = Path(demo.__file__).with_name("defaults").read_text("utf-8")
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        found[name] = value.strip()
    return found


def file(data: bytes) -> File:
    """A file that holds this."""
    return File(data, Tag(1, 1, len(data), f"digest of {data!r}"), 0o644, 0, 0)


def source(
    main: str | bytes = MAIN,
    master: str = MASTER,
    files: Mapping[str, bytes | HostError] | None = None,
    types: str = TYPES,
    **unsaid: str,
) -> PostfixReading:
    """A configuration. ``files`` are below its directory; ``unsaid`` is what main.cf leaves open."""
    main = main.encode() if isinstance(main, str) else main
    found: dict[str, File | HostError] = {name: Missing(f"There is no {name}.") for name in tables.TYPES}
    for name, data in (files or {}).items():
        found[name] = data if isinstance(data, HostError) else file(data)
    found |= {"main.cf": file(main), "master.cf": file(master.encode())}
    return PostfixReading(
        config_directory=ETC,
        main=MainCf.parse(main),
        master=MasterCf.parse(master.encode()),
        files={f"{ETC}/{name}": data for name, data in found.items()},
        values={"config_directory": ETC, **unsaid},
        defaults=defaults(),
        types=frozenset(types.split()),
        filters=Filters(Places(), {}),
    )


def reading(source: PostfixReading) -> Reading:
    """What is read of a configuration."""
    return Reading("mail.example.com", 0.0, planning.current(source), source=source)


def applied(source: PostfixReading, plan: Plan) -> PostfixReading:
    """The configuration once a plan has been applied."""
    files = dict(source.files)
    for edit in plan.edits:
        before = files.get(edit.path)
        assert edit.before == (before.data if isinstance(before, File) else None)
        files[edit.path] = Missing("It went.") if edit.after is None else file(edit.after)
    main = files[source.main_path]
    assert isinstance(main, File)
    return PostfixReading(
        config_directory=source.config_directory,
        main=MainCf.parse(main.data),
        master=source.master,
        files=files,
        values={
            name: value
            for name, value in source.values.items()
            if name not in MainCf.parse(main.data).names()
        },
        defaults=source.defaults,
        types=source.types,
        filters=source.filters,
    )

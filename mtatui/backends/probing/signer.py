"""Finds a domain for which this server can sign, and its key: opendkim's, or amavis's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim import tables as dkim_tables
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import first
from mtatui.backends.host import File, Host
from mtatui.backends.probing.letters import Signer
from mtatui.backends.resolving import txt
from mtatui.text import clean


async def find_signer(
    host: Host, places: Places, others: Iterable[tuple[str, str, str]] = ()
) -> tuple[Signer | None, str]:
    """Who can sign here, one whose key is published before others.

    Args:
        others: domain, selector and path of keys besides OpenDKIM's.

    Returns:
        The signer, None where nobody can; and in words why nobody can, or why it will verify nowhere.

    Raises:
        HostError: the server does not answer.
    """
    named = [dkim_tables.KeyEntry("", *other) for other in others]
    found = first(places.opendkim, await host.files(places.opendkim))
    if found is not None and isinstance(found[1], File):
        named = [*await _named(host, Conf.parse(found[1].data)), *named]
    if not named:
        unread = str(found[1]) if found is not None and not isinstance(found[1], File) else ""
        return None, unread or "nothing here signs mail: neither OpenDKIM nor amavis names a key"
    files = await host.files([key.path for key in named if key.path])
    why = "none of the keys that sign here can be read"
    known = []
    for key in named:
        private = files.get(key.path)
        data = private.data if isinstance(private, File) else b""
        try:
            public = dkim_keys.public(data)
        except ValueError as error:
            why = f"{key.path or key.name}: {error}" if data else why
            continue
        known.append((Signer(key.domain, key.selector, data), public))
    if not known:
        return None, clean(why)
    asked = [dkim_keys.name(signer.domain, signer.selector) for signer, _ in known]
    answers = await txt(host, asked)
    told = ""
    for (signer, public), name in zip(known, asked, strict=True):
        published = dkim_keys.compare(signer.domain, signer.selector, public, answers[name])
        if published.standing is dkim_keys.Standing.MATCHES:
            return signer, ""
        told = told or published.text
    return known[0][0], told


async def _named(host: Host, conf: Conf) -> list[dkim_tables.KeyEntry]:
    """The keys that a configuration names, those of one domain only."""
    if table := conf.get("KeyTable"):
        place = dkim_tables.place(table)
        if place is None:
            return []
        file = (await host.files([place.path]))[place.path]
        keys = dkim_tables.keys(dkim_tables.Table.parse(file.data)) if isinstance(file, File) else []
    else:
        keys = list(_single(conf))
    return [key for key in keys if not set(key.domain) & set("%*")]


def _single(conf: Conf) -> Iterator[dkim_tables.KeyEntry]:
    path, selector = conf.get("KeyFile"), conf.get("Selector")
    if path and selector:
        for domain in dkim_tables.elements(conf.get("Domain") or ""):
            yield dkim_tables.KeyEntry("", domain, selector, path)

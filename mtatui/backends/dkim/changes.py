"""Changes of what OpenDKIM signs, on its configuration as it was read. Pure; each gives a new one.

Old keys stay: their lines in KeyTable and their files, so that mail under way verifies, and one can go back.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace

from mtatui.backends.dkim.keys import Type
from mtatui.backends.dkim.listing import domains_of
from mtatui.backends.dkim.safe import Node
from mtatui.backends.dkim.tables import KeyEntry, Kind, Place, Rule, Table, covers
from mtatui.backends.filters.opendkim import OUR_KEYS, OUR_RULES, PRIVATE, OpenDkim
from mtatui.settings.kinds import Refused
from mtatui.text import clean

#: What says of one key that all mail is signed with it.
_SINGLE = ("Domain", "Selector", "KeyFile", "SubDomains")


def key_of(opendkim: OpenDkim, domain: str, selector: str) -> KeyEntry | None:
    """A domain's key of a selector."""
    rules = opendkim.signing_rules()
    for key in opendkim.key_entries():
        used = [rule for rule in rules if rule.name == key.name]
        if key.selector == selector and domain in domains_of(key, used):
            return key
    return None


def signing(opendkim: OpenDkim, domain: str) -> list[Rule]:
    """The rules by which mail is signed in a domain's name.

    Raises:
        Refused: they are for other domains, too, and cannot be changed for one alone.
    """
    keys = {key.name: key for key in opendkim.key_entries()}
    found = []
    for rule in opendkim.signing_rules():
        key = keys.get(rule.name)
        signed = key.domain.lower() if key is not None and key.domain != "%" else rule.domain
        if signed == domain:
            found.append(rule)
    if not found and (every := covering(opendkim, domain)) is not None and keys.get(every.name) is not None:
        raise Refused(
            f"mail of {domain} is signed by the line {clean(every.pattern)} of SigningTable, which is for "
            "other domains, too: change that by hand"
        )
    return found


def covering(opendkim: OpenDkim, domain: str) -> Rule | None:
    """The first rule that is for a domain's senders; None where there is none."""
    table = opendkim.signing_table
    kind = table.kind if table is not None else Kind.PATTERNS
    rules = opendkim.signing_rules()
    return next((rule for rule in rules if covers(kind, rule.pattern, f"x@{domain}")), None)


def reserve(opendkim: OpenDkim, domain: str) -> list[KeyEntry]:
    """The keys of a domain that were made after the one that signs, and do not sign yet."""
    used = {rule.name for rule in opendkim.signing_rules()}
    mine = [key for key in opendkim.key_entries() if key.domain.lower() == domain]
    last = max((at for at, key in enumerate(mine) if key.name in used), default=-1)
    return mine[last + 1 :]


def with_tables(opendkim: OpenDkim) -> OpenDkim:
    """The same with tables of keys and rules, where it had one key for all, or nothing.

    Raises:
        Refused: it is said elsewhere.
    """
    if opendkim.elsewhere:
        raise Refused(f"what OpenDKIM signs cannot be changed from here: {opendkim.elsewhere}")
    keys, rules = opendkim.key_entries(), opendkim.signing_rules()
    key_table, signing_table = opendkim.key_table, opendkim.signing_table
    conf, tables = opendkim.conf, dict(opendkim.tables)
    if key_table is None:
        key_table = Place(Kind.FILE, posixpath.join(opendkim.directory, OUR_KEYS))
        table = Table()
        for key in keys:
            table = table.add(key.name, f"{key.domain}:{key.selector}:{key.key}")
        tables[key_table.path] = table
        for name in _SINGLE:
            conf = conf.unset(name)
        conf = conf.set("KeyTable", key_table.path)
        signing_table = None
    if signing_table is None:
        signing_table = Place(Kind.PATTERNS, posixpath.join(opendkim.directory, OUR_RULES))
        table = Table()
        for rule in rules:
            table = table.add(rule.pattern, rule.value)
        tables[signing_table.path] = table
        conf = conf.set("SigningTable", f"refile:{signing_table.path}")
    return replace(opendkim, conf=conf, tables=tables)


def add_key(opendkim: OpenDkim, domain: str, selector: str, path: str, private: bytes) -> OpenDkim:
    """With one key more, which signs nothing yet.

    Args:
        path: where there is no file.
    """
    opendkim = with_tables(opendkim)
    there = opendkim.key_table
    assert there is not None
    taken = {key.name for key in opendkim.key_entries()}
    name = f"{selector}._domainkey.{domain}"
    while name in taken:
        name += "+"
    table = opendkim.tables.get(there.path, Table()).add(name, f"{domain}:{selector}:{path}")
    user = opendkim.user
    node = Node(PRIVATE, user.uid if user else 0, user.gid if user else 0)
    return replace(
        opendkim,
        tables={**opendkim.tables, there.path: table},
        keys={**opendkim.keys, path: private},
        nodes={**opendkim.nodes, path: node},
    )


def sign(opendkim: OpenDkim, domain: str, selector: str) -> OpenDkim:
    """With a domain's mail signed with a key of it.

    Raises:
        Refused: OpenDKIM cannot use it beside the others.
    """
    opendkim = with_tables(opendkim)
    key, there = key_of(opendkim, domain, selector), opendkim.signing_table
    assert key is not None
    assert there is not None
    table = opendkim.tables.get(there.path, Table())
    if rules := _own(opendkim, domain):
        for rule in rules:
            assert rule.entry is not None
            table = table.put(rule.entry, rule.renamed(key.name))
    else:
        wider = covering(opendkim, domain)
        before = wider.entry if wider is not None and there.kind is Kind.PATTERNS else None
        pattern = f"*@{domain}" if there.kind is Kind.PATTERNS else domain
        table = table.add(pattern, key.name, before)
    changed = replace(opendkim, tables={**opendkim.tables, there.path: table})
    if not opendkim.signs:
        changed = replace(changed, conf=changed.conf.set("Mode", "sv"))
    return _with_algorithm(changed, key)


def _own(opendkim: OpenDkim, domain: str) -> list[Rule]:
    """The rules of a domain; none where those of others are for it, too."""
    try:
        return signing(opendkim, domain)
    except Refused:
        return []


def _with_algorithm(opendkim: OpenDkim, key: KeyEntry) -> OpenDkim:
    """With the algorithm that a key needs.

    Raises:
        Refused: other keys that are in use need another: it has one for all.
    """
    wanted = opendkim.public(key).type
    if wanted is opendkim.algorithm:
        return opendkim
    used = {rule.name for rule in opendkim.signing_rules()} - {key.name}
    if used:
        raise Refused(
            "OpenDKIM signs all mail with one algorithm (SignatureAlgorithm), and other domains have keys of "
            f"type {opendkim.algorithm}: a key of type {wanted} cannot sign beside them"
        )
    algorithm = "ed25519-sha256" if wanted is Type.ED25519 else "rsa-sha256"
    return replace(opendkim, conf=opendkim.conf.set("SignatureAlgorithm", algorithm))


def stop(opendkim: OpenDkim, rules: list[Rule]) -> OpenDkim:
    """Without some rules; their keys stay."""
    patterns = [(rule.pattern, rule.name) for rule in rules]
    opendkim = with_tables(opendkim)
    there = opendkim.signing_table
    assert there is not None
    gone = [
        rule.entry
        for rule in opendkim.signing_rules()
        if rule.entry is not None and (rule.pattern, rule.name) in patterns
    ]
    table = opendkim.tables[there.path].drop(gone)
    return replace(opendkim, tables={**opendkim.tables, there.path: table})


def retire(opendkim: OpenDkim, key: KeyEntry) -> OpenDkim:
    """Without a key that signs nothing; its file stays."""
    opendkim = with_tables(opendkim)
    there = opendkim.key_table
    assert there is not None
    gone = [one.entry for one in opendkim.key_entries() if one.name == key.name and one.entry is not None]
    table = opendkim.tables[there.path].drop(gone)
    return replace(opendkim, tables={**opendkim.tables, there.path: table})

"""Who may read or replace a private key: what opendkim makes of it (RequireSafeKeys), told before mail does.

It looks at the file and at every directory above it, and refuses a key that anybody but its own user and root
could read, or put another one in the place of; whoever's mail is signed with it gets a 451 then, all of them.
A sticky bit (``/tmp``) does not help. Source: opendkim's util.c, dkimf_checkfsnode, and tried on 2.11.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mtatui.text import clean


@dataclass(frozen=True, slots=True)
class Node:
    """A file or directory, as stat(2) sees it."""

    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of passwd(5)."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class People:
    """The users and groups of a machine, as far as its own files tell."""

    users: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Name and members, by number."""

    @classmethod
    def parse(cls, passwd: bytes, group: bytes) -> People:
        """What passwd(5) and group(5) say."""
        users, groups = {}, {}
        for fields in _fields(passwd, 7):
            if fields[2].isdigit() and fields[3].isdigit():
                users[fields[0]] = Person(fields[0], int(fields[2]), int(fields[3]))
        for fields in _fields(group, 4):
            if fields[2].isdigit():
                members = tuple(name for name in fields[3].split(",") if name)
                groups[int(fields[2])] = (fields[0], members)
        return cls(users, groups)

    def owner(self, user: str) -> str:
        """``user:group`` of what shall belong to a user, or to one written so (opendkim's UserID)."""
        name, _, group = user.replace(".", ":", 1).partition(":")
        person = self.users.get(name)
        if not group and person is not None:
            group = self.groups.get(person.gid, (str(person.gid), ()))[0]
        return f"{name}:{group or name}"

    def others(self, gid: int, name: str) -> str:
        """Somebody in a group besides one and root, "" for nobody."""
        members = (
            *self.groups.get(gid, ("", ()))[1],
            *(person.name for person in self.users.values() if person.gid == gid),
        )
        return next((member for member in members if member not in (name, "root")), "")

    def may_read(self, person: Person | None, node: Node, bit: int = 4) -> bool:
        """Whether one may read something (4), or go through it (1)."""
        if person is None or person.uid == 0:
            return True
        if node.uid == person.uid:
            return bool(node.mode & bit << 6)
        in_group = node.gid == person.gid or person.name in self.groups.get(node.gid, ("", ()))[1]
        return bool(node.mode & (bit << 3 if in_group else bit))


def _fields(data: bytes, number: int) -> Iterable[list[str]]:
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == number:
            yield fields


def above(path: str) -> list[str]:
    """The directories above a file, from its own to the root."""
    found = []
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        found.append(path)
    return found


def unsafe(path: str, key: Node, directories: Mapping[str, Node], user: Person | None, people: People) -> str:
    """Why opendkim calls a key unsafe, in words; "" where it does not.

    Args:
        directories: those above it; what is not known of one is taken to be well.
        user: as whom opendkim runs.
    """
    uid, name = (user.uid, user.name) if user is not None else (0, "root")
    if key.uid not in (0, uid):
        return f"{clean(path)} belongs neither to {name} nor to root"
    if key.mode & 0o006:
        return f"everybody may {'change' if key.mode & 2 else 'read'} {clean(path)}"
    if key.mode & 0o060 and (other := people.others(key.gid, name)):
        return f"{clean(path)} is open to its group, in which {clean(other)} is, too"
    for directory in above(path):
        node = directories.get(directory)
        if node is None:
            continue
        if node.mode & 0o002:
            return f"everybody may replace it: {clean(directory)} is writable by all"
        if node.mode & 0o020 and (other := people.others(node.gid, name)):
            return f"{clean(other)} may replace it: {clean(directory)} is writable by its group"
    return ""

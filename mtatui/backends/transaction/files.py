"""Replaces files so that at any moment each is whole, old or new; and puts them back without needing room.

Before anything is touched the new file lies complete beside the old one, and the old one has a second name
there (a hard link). To replace is one rename; to put back is one rename, which gives back the very inode with
its owner, mode, labels and times, on a full disk too. Where hard links are not to be had, or the old inode
was written to, the copy in the entry serves. A symbolic link stays, its target is replaced.
"""

import contextlib
import errno
import grp
import hashlib
import os
import pwd
import shlex
import stat
import time

from . import room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    #: What an entry says of a file: path, real, kept, before, after, mode, uid, gid, makes.
    File = Dict[str, Any]

#: Postfix's programs wait, when they find main.cf younger than two seconds, until it is not: somebody might
#: be writing it (dict_load_file_xt in util/dict.c: sleeps of 0.3 s while mtime >= now - 1). Every smtpd that
#: starts after a reload does so before it greets, and so does the reload itself: 1.0 to 1.9 s instead of 0.1.
#: Ours is complete before it gets its name, so there is nothing to wait for: the new file's time of change is
#: set so many seconds back before it gets that name. No file that is in use is ever touched so.
RIPE = 2.0

#: Why a file cannot be replaced in one step, by what its hard link fails with.
_UNREPLACEABLE = {
    errno.EXDEV: "is a mount of its own and cannot be replaced in one step; mount its directory instead",
    errno.EPERM: "may not be replaced: is it immutable (lsattr, chattr -i)?",
}


def digest(data: bytes) -> str:
    """What tells two contents apart."""
    return hashlib.sha256(data).hexdigest()


def read(path: str) -> "Optional[bytes]":
    """A regular file's bytes, None if there is none."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", path)
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def same(path: str, now: "Optional[bytes]", known: "Any") -> bool:
    """Whether a file is what was known of it: a digest, None for no file, or [inode, mtime in ns, size] of
    one that was only looked at from outside."""
    if now is None or known is None:
        return now is known
    if isinstance(known, list):
        info = os.stat(path)
        return known == [info.st_ino, info.st_mtime_ns, info.st_size]
    return bool(digest(now) == known)


def described(
    number: int, edit: "Dict[str, Any]", before: "Optional[bytes]", after: "Optional[bytes]"
) -> "File":
    """What an entry says of a file that is about to change.

    Args:
        edit: its path, and the mode and the owner of a new file.

    Raises:
        OSError: there is no such owner.
    """
    path = edit["path"]
    real = os.path.realpath(path)
    file = {
        "path": path,
        "real": real,
        "kept": "" if before is None else "before-%d" % number,
        "before": None if before is None else digest(before),
        "after": None if after is None else digest(after),
        "mode": edit["mode"],
        "makes": [],
    }  # type: File
    if before is None:
        folder = os.path.dirname(real)
        while not os.path.lexists(folder):
            file["makes"].insert(0, folder)
            folder = os.path.dirname(folder)
        file.update(_ids(edit["owner"]))
    else:
        info = os.stat(real)
        file.update(mode=stat.S_IMODE(info.st_mode), uid=info.st_uid, gid=info.st_gid)
    return file


def _ids(owner: str) -> "Dict[str, int]":
    """The numbers of ``user:group``, of names or numbers; none for ""."""
    if not owner:
        return {}
    user, _, group = owner.partition(":")
    try:
        uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise OSError(errno.EINVAL, "there is nobody on this machine to own a file", owner) from error
    return {"uid": uid, "gid": gid}


def prepare(id: str, file: "File", after: "Optional[bytes]") -> None:
    """Have all that `replace` and `restore` need lie ready beside the file, which is not touched."""
    for folder in file["makes"]:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o755)
    if after is not None:
        new = _new(id, file)
        _write(new, after, file)
        ripe = time.time() - RIPE
        os.utime(new, (ripe, ripe))
    if file["before"] is not None:
        try:
            os.link(file["real"], _old(id, file), follow_symlinks=False)
        except OSError as error:
            if error.errno in _UNREPLACEABLE:
                raise OSError(error.errno, _UNREPLACEABLE[error.errno], file["real"]) from error
            if error.errno not in (errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
                raise
    room.sync(os.path.dirname(file["real"]))


def replace(id: str, file: "File") -> None:
    """Have the new file instead of the old one."""
    if file["after"] is None:
        os.unlink(file["real"])
    else:
        os.rename(_new(id, file), file["real"])
    room.sync(os.path.dirname(file["real"]))


def restore(entry: "room.Entry", file: "File") -> str:
    """Have the old file again. What somebody else has written there since is kept in the entry: where, else
    "".

    Raises:
        OSError: it cannot be put back.
    """
    real, now = file["real"], read(file["real"])
    found = None if now is None else digest(now)
    if found == file["before"]:
        tidy(entry.id, file)
        return ""
    theirs = ""
    if now is not None and found != file["after"]:
        with contextlib.suppress(OSError):
            theirs = entry.file("found-%d" % entry.document["files"].index(file))
            room.write(theirs, now)
    if file["before"] is None:
        os.unlink(real)
    else:
        old = _old(entry.id, file)
        if _digest_of(old) != file["before"]:
            kept = read(entry.file(file["kept"]))
            if kept is None or digest(kept) != file["before"]:
                raise OSError(errno.EIO, "the copy of the old file is damaged", entry.file(file["kept"]))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(old)
            _write(old, kept, file)
        os.rename(old, real)
    room.sync(os.path.dirname(real))
    tidy(entry.id, file)
    return theirs


def tidy(id: str, file: "File") -> None:
    """Remove what lay ready beside the file, and directories that were made for nothing."""
    for path in (_new(id, file), _old(id, file)):
        with contextlib.suppress(OSError):
            os.unlink(path)
    for folder in reversed(file["makes"]):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def left_over(id: str, file: "File") -> bool:
    """Whether something of it still lies beside the file."""
    return os.path.lexists(_new(id, file)) or os.path.lexists(_old(id, file))


def by_hand(entry: "room.Entry", files: "List[File]") -> str:
    """The commands with which a person puts the files back."""
    commands = []
    for file in files:
        real = shlex.quote(file["real"])
        kept = shlex.quote(entry.file(file["kept"])) if file["kept"] else ""
        commands.append("cp -p %s %s" % (kept, real) if kept else "rm %s" % real)
    return "; ".join(commands)


def _write(path: str, data: bytes, file: "File") -> None:
    """A file of these bytes with the owner, mode and labels of the one it replaces."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        room.pour(fd, data, path)
        if "uid" in file:
            os.fchown(fd, file["uid"], file["gid"])
        os.fchmod(fd, file["mode"])
        with contextlib.suppress(OSError):  # the old one may be gone; labels come by rule then
            for name in os.listxattr(file["real"]):
                with contextlib.suppress(OSError):
                    os.setxattr(fd, name, os.getxattr(file["real"], name))
        os.fsync(fd)
    finally:
        os.close(fd)


def _digest_of(path: str) -> "Optional[str]":
    data = read(path)
    return None if data is None else digest(data)


def _new(id: str, file: "File") -> str:
    return _beside(file, ".mtatui-%s.new" % id)


def _old(id: str, file: "File") -> str:
    return _beside(file, ".mtatui-%s.old" % id)


def _beside(file: "File", suffix: str) -> str:
    folder, name = os.path.split(str(file["real"]))
    return os.path.join(folder, "." + name[:180] + suffix)

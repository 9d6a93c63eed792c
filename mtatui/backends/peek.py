"""Looks at configuration files: what is in them, and what they are. Changes nothing.

Imported where the files are one's own to read; started by its path (``python3 -I -S …/peek.py``, under sudo
or on another machine) it reads one JSON request from standard input and answers with one: so it knows the
standard library only, and Python 3.6.
"""

import base64
import errno
import hashlib
import json
import os
import stat
import sys

#: Bytes of one file that are read: a configuration file has no more, and nobody's memory is filled.
LONGEST = 16 * 1024 * 1024


def look(path: str, contents: bool = True) -> "dict[str, object]":
    """What a file is: inode, mtime_ns, size, mode, uid, gid; with contents also data and their SHA-256.

    Returns:
        All that, or only ``errno``: what the system said instead (errno(3)). What is no regular file is
        EINVAL, what is larger than `LONGEST` EFBIG.
    """
    try:
        name = _name(path)
        # Not blocking: a pipe that somebody put in the place of a table must not hold us.
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY) if contents else -1
        try:
            status = os.stat(name) if fd < 0 else os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return {"errno": errno.EINVAL}
            found = {
                "inode": status.st_ino,
                "mtime_ns": status.st_mtime_ns,
                "size": status.st_size,
                "mode": stat.S_IMODE(status.st_mode),
                "uid": status.st_uid,
                "gid": status.st_gid,
            }  # type: dict[str, object]
            if fd >= 0:
                if status.st_size > LONGEST:
                    return {"errno": errno.EFBIG}
                data = b"".join(iter(lambda: os.read(fd, 1 << 20), b""))
                found.update(size=len(data), data=data, digest=hashlib.sha256(data).hexdigest())
            return found
        finally:
            if fd >= 0:
                os.close(fd)
    except OSError as error:
        return {"errno": error.errno or errno.EIO}
    except ValueError:  # a NUL in its name
        return {"errno": errno.ENOENT}


def names(directory: str) -> "dict[str, object]":
    """The ``names`` in a directory, sorted; or only ``errno``."""
    try:
        found = os.listdir(_name(directory))
        return {"names": sorted(name.decode("utf-8", "surrogateescape") for name in found)}
    except OSError as error:
        return {"errno": error.errno or errno.EIO}
    except ValueError:
        return {"errno": errno.ENOENT}


def _name(path: str) -> bytes:
    """A path as the system has it: Python 3.6 takes it for ASCII where nobody says what the language is."""
    return path.encode("utf-8", "surrogateescape")


def main() -> None:
    """Answer the request on standard input: ``{"paths": […], "contents": true}``, or ``{"directory": …}``."""
    request = json.load(sys.stdin)
    if "directory" in request:
        json.dump(names(request["directory"]), sys.stdout)
        return
    answer = {}
    for path in request["paths"]:
        found = look(path, request["contents"])
        if "data" in found:
            found["data"] = base64.b64encode(found["data"]).decode("ascii")  # type: ignore[arg-type]  # bytes
        answer[path] = found
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

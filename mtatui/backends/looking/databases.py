"""Looks at ClamAV's databases: what each says of itself, what clamd has loaded, how the last updates went.

Standard library only, Python 3.6. Sources: ClamAV's manual, "CVD Info File" (the first 512 bytes of a .cvd or
.cld: ``ClamAV-VDB:built:version:signatures:level:MD5:signature:builder:seconds``); clamd(8) VERSION;
libfreshclam's mirrors_dat_v1 (freshclam.dat).
"""

import os
import struct
import urllib.error
import urllib.request

from . import protocols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: Bytes of a database of one's own that are read to count its signatures, and of a log.
COUNTED = 64 * 1024 * 1024
TAIL = 64 * 1024
HEADER = 512
#: Where freshclam.dat says until when the mirrors want to be left alone: behind a magic word, a version and
#: an identification.
_RETRY = struct.Struct("<q")
_RETRY_AT, _MAGIC = 61, b"FreshClamData"
#: Endings of files with a signature a line.
_LINES = (
    ".ndb", ".ndu", ".hdb", ".hdu", ".hsb", ".hsu", ".mdb", ".mdu", ".msb", ".msu", ".ldb", ".ldu", ".cdb",
    ".fp", ".sfp", ".ign", ".ign2", ".pdb", ".gdb", ".wdb", ".idb", ".db",
)  # fmt: skip


def look(request: "Dict[str, Any]", patience: float) -> "Dict[str, Any]":
    """What is to be seen.

    Args:
        request: the ``directory`` of the databases, the ``logs`` of freshclam, the ``clamd`` that is asked (a
            place, or None) and ``clamd_log``, where it writes its own log, or "".
    """
    directory = request["directory"]
    found = {"files": [], "logs": [], "retry_after": 0, "trouble": "", "clamd": None}  # type: Dict[str, Any]
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        names, found["trouble"] = [], "%s: %s" % (directory, error.strerror)
    for name in names:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            if name == "freshclam.dat":
                found["retry_after"] = _retry_after(path)
            else:
                found["files"].append(_file(path, name))
    for path in request["logs"]:
        found["logs"].append(_tail(path))
    found["clamd_log"] = _tail(request["clamd_log"])["text"] if request["clamd_log"] else ""
    if request["clamd"] is not None:
        found["clamd"] = protocols.ask({"protocol": "clamd version", "place": request["clamd"]}, patience)
    return found


def _file(path: str, name: str) -> "Dict[str, Any]":
    info = os.stat(path)
    found = {
        "name": name,
        "size": info.st_size,
        "changed": info.st_mtime,
        "head": "",
        "count": None,
        "trouble": "",
    }  # type: Dict[str, Any]
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER)
            if head.startswith(b"ClamAV-VDB:"):
                found["head"] = head.decode("latin-1").rstrip()
            elif name.endswith(_LINES) and info.st_size <= COUNTED:
                lines = (head + file.read(COUNTED)).split(b"\n")
                found["count"] = sum(1 for line in lines if line.strip() and not line.startswith(b"#"))
    except OSError as error:
        found["trouble"] = error.strerror or str(error)
    return found


def _retry_after(path: str) -> int:
    try:
        with open(path, "rb") as file:
            data = file.read(256)
    except OSError:
        return 0
    if not data.startswith(_MAGIC) or len(data) < _RETRY_AT + _RETRY.size:
        return 0
    return int(_RETRY.unpack_from(data, _RETRY_AT)[0])


def _tail(path: str) -> "Dict[str, str]":
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return {"path": path, "text": file.read(TAIL).decode("utf-8", "replace"), "trouble": ""}
    except OSError as error:
        return {"path": path, "text": "", "trouble": error.strerror or str(error)}


def fetch(request: "Dict[str, Any]", patience: float) -> "List[Dict[str, Any]]":
    """Ask for the begin of each of ``urls``, as freshclam would: its status, what kind of thing comes, and
    the first bytes; or what went wrong in words."""
    return [_begin(url, request["agent"], patience) for url in request["urls"]]


def _begin(url: str, agent: str, patience: float) -> "Dict[str, Any]":
    if not url.startswith(("http://", "https://")):
        return {"status": 0, "trouble": "is neither http nor https"}
    asked = urllib.request.Request(url, headers={"User-Agent": agent, "Range": "bytes=0-511"})  # noqa: S310  # looked at above
    try:
        with urllib.request.urlopen(asked, timeout=patience) as answer:  # noqa: S310  # looked at above
            return {
                "status": answer.status,
                "trouble": "",
                "kind": answer.headers.get("Content-Type", ""),
                "head": answer.read(HEADER).decode("latin-1"),
                "retry_after": "",
            }
    except urllib.error.HTTPError as error:
        retry = error.headers.get("Retry-After", "") if error.headers else ""
        return {
            "status": error.code,
            "trouble": str(error.reason),
            "kind": "",
            "head": "",
            "retry_after": retry,
        }
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return {"status": 0, "trouble": getattr(reason, "strerror", None) or str(reason)}

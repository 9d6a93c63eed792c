"""File extensions that are blocked as attachments: how they are written, and two lists that one can add."""

from __future__ import annotations

import re

from mtatui.settings.syntax import Refused, quoted


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


#: What mail servers have commonly blocked since the days of Windows XP (Zimbra's and Carbonio's list).
COMMON = _words(
    "asd bat chm cmd com dll do exe hlp hta js jse lnk ocx pif reg scr shb shm shs",
    "vbe vbs vbx vxd wsf wsh xl",
)
#: What carries malware today besides: disk images, installers, shortcuts, office files with macros.
MODERN = _words(
    "appref-ms cpl docm hta img iso jar library-ms msi msp mst one pptm ps1 psm1 scf sct url",
    "vhd vhdx xll xlsm",
)

NAMED: dict[str, tuple[str, ...]] = {"commonly blocked": COMMON, "used by malware today": MODERN}


def normalised(text: str) -> str:
    """An extension as it is compared: lower case, without ``*`` and dot in front; ``tar.gz`` is one, too.

    Raises:
        Refused: it is none.
    """
    word = text.strip().lower().removeprefix("*").removeprefix(".")
    if not word:
        raise Refused("an extension is wanted here, such as exe")
    if len(word) > 64 or not re.fullmatch(r"[a-z0-9][a-z0-9_+-]*(?:\.[a-z0-9][a-z0-9_+-]*)*", word):
        raise Refused(f"{quoted(text)} is no file extension: letters, digits, - _ + and inner dots")
    return word

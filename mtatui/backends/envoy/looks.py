"""What the envoy looks at by itself: files, directories, commands; as the user who logged in."""

import base64
import os
import pwd
import shutil

from .. import peek

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def user() -> str:
    """Who we are."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "#%d" % os.getuid()


def answer(question: "dict[str, Any]") -> "Any":
    """What a question asks for: ``{"paths": […], "contents": true}`` and ``{"directory": …}`` as `peek`
    answers them, ``{"which": […]}`` with those of the commands that there are."""
    if "directory" in question:
        return peek.names(question["directory"])
    if "which" in question:
        return [command for command in question["which"] if shutil.which(command, path=PATH)]
    found: "dict[str, Any]" = {}
    for path in question["paths"]:
        found[path] = peek.look(path, question["contents"])
        if "data" in found[path]:
            found[path]["data"] = base64.b64encode(found[path]["data"]).decode("ascii")
    return found

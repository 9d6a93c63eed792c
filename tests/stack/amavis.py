"""A private copy of amavis's files, read by the real amavisd without any daemon: as the page sees them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtatui.backends import planning
from mtatui.backends.filters import amavis, spamassassin
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters
from mtatui.backends.host_local import LocalHost
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Reading
from mtatui.settings.plan import Plan
from tests.unit import configured

FILTERED = "content_filter = smtp-amavis:[127.0.0.1]:10024\nmydomain = example.test\n"
TRANSPORT = "smtp-amavis unix - - n - 2 smtp\n  -o smtp_send_xforward_command=yes\n"
#: Debian's own, with both checks on, as its README says.
CHECKS = """\
use strict;
@bypass_virus_checks_maps = (\\%bypass_virus_checks, \\@bypass_virus_checks_acl, \\$bypass_virus_checks_re);
@bypass_spam_checks_maps = (\\%bypass_spam_checks, \\@bypass_spam_checks_acl, \\$bypass_spam_checks_re);
1;
"""


class Copy:
    """It, below a directory of the test's."""

    def __init__(self, root: Path, *, one_file: bool = False, checks: bool = True) -> None:
        self.root = root
        self.conf = root / "conf.d"
        shutil.copytree("/etc/amavis/conf.d", self.conf)
        (self.conf / "05-node_id").write_text("use strict;\n$myhostname = 'mail.example.test';\n1;\n")
        (self.conf / "05-domain_id").write_text("use strict;\n$mydomain = 'example.test';\n1;\n")
        if checks:
            (self.conf / "15-content_filter_mode").write_text(CHECKS)
        self.one = root / "amavisd.conf"
        if one_file:
            whole = [path.read_text().replace("1;  # ensure a defined return", "") for path in self.names()]
            self.one.write_text("\n".join([*whole, "1;\n"]))
            shutil.rmtree(self.conf)
        (root / "sa").mkdir()
        (root / "sa" / "v312.pre").write_text("loadplugin Mail::SpamAssassin::Plugin::DKIM\n")
        self.places = Places(
            amavis=(f"{self.conf}/", str(self.one)),
            amavis_packaged=("/usr/share/amavis/conf.d/",),
            spamassassin=(f"{root}/sa/",),
        )
        self.host = LocalHost("copy")
        self.main = FILTERED

    def names(self) -> list[Path]:
        """Its files, in their order."""
        return sorted(path for path in self.conf.iterdir() if "." not in path.name)

    def write(self, name: str, text: str) -> None:
        """Have an admin write a file."""
        (self.conf / name).write_text(text)

    def filters(self) -> Filters:
        """What is read."""

        async def read() -> Filters:
            files: Files = {}
            found = await asyncio.gather(
                *(module.read(self.host, self.places, files) for module in (amavis, spamassassin))
            )
            return Filters(self.places, files, amavis=found[0], spamassassin=found[1])

        return asyncio.run(read())

    def amavis(self) -> amavis.Amavis:
        """Amavis as it is read; it is there."""
        found = self.filters().amavis
        assert found is not None
        return found

    def read(self, filters: Filters | None = None) -> Reading:
        """The page."""
        source = configured.source(configured.MAIN + self.main, configured.MASTER + TRANSPORT)
        return configured.reading(replace(source, filters=filters or self.filters()))

    def current(self, name: str) -> Current:
        """One setting of the page."""
        return self.read().current[name if "." in name else f"filtering.{name}"]

    def plan(self, changes: Mapping[str, Any]) -> Plan:
        """What changes would do; names without their page are of this one."""
        reading = self.read()
        whole = {name if "." in name else f"filtering.{name}": value for name, value in changes.items()}
        assert whole.keys() <= ALL.keys()
        return planning.plan(reading, whole)

    def apply(self, plan: Plan) -> None:
        """Write its edits."""
        for edit in plan.edits:
            path = Path(edit.path)
            assert path.is_relative_to(self.root), path
            if edit.after is None:
                path.unlink()
            else:
                path.write_bytes(edit.after)

    def set(self, **changes: Any) -> Plan:
        """Change settings of the page; two underscores stand for the dot behind another page."""
        plan = self.plan({name.replace("__", "."): value for name, value in changes.items()})
        self.apply(plan)
        return plan

"""Where the filters' files are: on Debian first, then elsewhere; the first that is there counts.

Sources: the packages of Debian 12, Fedora and openSUSE; amavisd(8), clamd.conf(5), freshclam.conf(5),
opendkim.conf(5), Mail::SpamAssassin::Conf(3).
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Places:
    """The paths at which a server's filters may have their files; directories end in ``/``."""

    amavis: tuple[str, ...] = ("/etc/amavis/conf.d/", "/etc/amavisd/amavisd.conf", "/etc/amavisd.conf")
    """A directory whose files are read in order, or one file."""
    amavis_packaged: tuple[str, ...] = ("/usr/share/amavis/conf.d/",)
    """What Debian's package keeps for itself, read before the directory."""
    spamassassin: tuple[str, ...] = ("/etc/spamassassin/", "/etc/mail/spamassassin/")
    clamd: tuple[str, ...] = ("/etc/clamav/clamd.conf", "/etc/clamd.d/scan.conf", "/etc/clamd.d/amavisd.conf",
                              "/etc/clamd.conf")  # fmt: skip
    freshclam: tuple[str, ...] = ("/etc/clamav/freshclam.conf", "/etc/freshclam.conf")
    opendkim: tuple[str, ...] = ("/etc/opendkim.conf",)
    sasl: tuple[str, ...] = (
        "/etc/postfix/sasl/smtpd.conf",
        "/etc/sasl2/smtpd.conf",
        "/usr/lib/sasl2/smtpd.conf",
    )
    dkim_keys: tuple[str, ...] = ("/etc/dkimkeys/", "/etc/opendkim/keys/")
    systemd: tuple[str, ...] = ("/etc/systemd/system/",)
    cron: tuple[str, ...] = ("/etc/cron.d/",)
    units: tuple[str, ...] = ("/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/")
    """Where systemd's units are."""
    init: tuple[str, ...] = ("/etc/init.d/",)
    systemd_runs: tuple[str, ...] = ("/run/systemd/system/",)
    """There while systemd manages the machine (sd_booted(3))."""

    def below(self, root: str) -> Places:
        """The same places under another root: the demo's, a test's."""
        return Places(*(tuple(root + path for path in getattr(self, field.name)) for field in fields(self)))

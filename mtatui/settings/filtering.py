"""The page Antispam & Antivirus: what becomes of spam and viruses, and where signatures come from."""

from __future__ import annotations

from mtatui.settings.kinds import Kind, Switch
from mtatui.settings.kinds_filters import (
    DESTINY,
    Address,
    Domains,
    Frequency,
    Mirrors,
    Prefix,
    Signatures,
    Tolerance,
)
from mtatui.settings.setting import Page, Setting

_SWITCH = Switch()
_ANTISPAM, _ANTIVIRUS, _SIGNATURES = "Antispam", "Antivirus", "Signatures"
_CLAMD, _FRESHCLAM = "clamd.conf(5)", "freshclam.conf(5)"


def _amavis(
    name: str,
    label: str,
    section: str,
    kind: Kind,
    help: str,
    directive: str,
    cost: str = "",
    reply: str = "",
) -> Setting:
    """A setting that amavis has."""
    manual = f"amavisd.conf-default ${directive.lstrip('$@')}"
    return Setting(
        f"filtering.{name}", label, section, kind, help, directive, manual, cost, reply, filters=True
    )


def _clamav(
    name: str, label: str, section: str, kind: Kind, help: str, directive: str, manual: str, cost: str = ""
) -> Setting:
    """A setting that clamd or freshclam has."""
    return Setting(
        f"filtering.{name}",
        label,
        section,
        kind,
        help,
        directive,
        f"{manual} {directive}",
        cost,
        filters=True,
    )


FILTERING = Page(
    "filtering",
    "Antispam & AV",
    (
        _amavis(
            "spam_subject_tag",
            "Prefix for the subject of spam",
            _ANTISPAM,
            Prefix(),
            "Stands in front of the subject of mail that is marked as spam, for recipients of your domains. "
            "Empty: the subject stays as it is; the headers X-Spam-* tell all the same.",
            "$sa_spam_subject_tag",
            "A changed subject breaks signatures (DKIM) for those to whom recipients forward it.",
        ),
        _amavis(
            "spam_tag_percent",
            "Mail is marked as spam from",
            _ANTISPAM,
            Tolerance({"Low": 33.0, "Medium": 20.0, "High": 16.0}),
            "From this score on mail is marked as spam and still delivered. SpamAssassin's 20 points are "
            "100 %: 33 % are 6.6 points. Low marks little, High marks much.",
            "$sa_tag2_level_deflt",
            "The lower, the more newsletters and clumsy letters are marked. SpamAssassin's own level is "
            "5 points (25 %).",
        ),
        _amavis(
            "spam_kill_percent",
            "Mail is stopped as spam from",
            _ANTISPAM,
            Tolerance({"Low": 90.0, "Medium": 75.0, "High": 66.0}),
            "From this score on mail is spam beyond doubt, and what is chosen below happens to it. From a "
            "third more on bounces are not sent; a cut-off of the quarantine, if there is one, moves along.",
            "$sa_kill_level_deflt",
            "What is stopped by mistake is missed by somebody: look at what would have been stopped before "
            "you go below 50 %.",
        ),
        _amavis(
            "spam_destiny",
            "What happens to spam",
            _ANTISPAM,
            DESTINY,
            "What becomes of mail whose score reaches the second level.",
            "$final_spam_destiny",
            "Bounces go to senders that are mostly forged: your server then sends spam to strangers, and is "
            "listed for it. Discarded mail that was none is lost without anybody knowing, but for the "
            "quarantine.",
        ),
        _amavis(
            "check_outgoing",
            "Outgoing mail is checked for spam, too",
            _ANTISPAM,
            _SWITCH,
            "Mail from your networks and from authenticated users is scored as well: a stolen password is "
            "noticed before the world lists your server. Viruses are looked for either way.",
            "$policy_bank{'MYNETS'}, $policy_bank{'ORIGINATING'}",
            "Users whose own mail looks like spam are stopped; their newsletters first.",
        ),
        _amavis(
            "verify_dkim",
            "DKIM signatures are verified",
            _ANTISPAM,
            _SWITCH,
            "Signatures of incoming mail are verified with the keys in the DNS; the result counts in the "
            "score and is written into the header.",
            "$enable_dkim_verification",
            "A look-up in the DNS for each signature.",
        ),
        Setting(
            "filtering.always_signed_domains",
            "Domains that always sign",
            _ANTISPAM,
            Domains(),
            "Mail from these domains (in From:) without a valid DKIM signature of theirs is treated as "
            "forged: it gets 20 points more, the whole scale.",
            "adsp_override",
            "Mail::SpamAssassin::Plugin::DKIM(3) adsp_override",
            "Genuine mail of theirs that mailing lists or forwarders have changed is stopped, too. Only name "
            "domains that sign everything: your own, banks, authorities.",
            filters=True,
        ),
        _amavis(
            "antivirus",
            "Mail is checked for viruses",
            _ANTIVIRUS,
            _SWITCH,
            "amavis unpacks each message and has ClamAV scan it.",
            "@bypass_virus_checks_maps",
            "Mail waits while no scanner answers: nothing unchecked gets through.",
        ),
        _amavis(
            "virus_destiny",
            "What happens to viruses",
            _ANTIVIRUS,
            DESTINY,
            "What becomes of mail in which a virus was found.",
            "$final_virus_destiny",
            "Senders of viruses are forged nearly always: bounces go to strangers. What is delivered anyway, "
            "somebody opens.",
        ),
        _clamav(
            "block_encrypted_archives",
            "Encrypted archives are blocked",
            _ANTIVIRUS,
            _SWITCH,
            "Archives that nobody can look into without a password count as a virus.",
            "AlertEncryptedArchive",
            _CLAMD,
            "Whoever sends encrypted archives for good reasons (banks, lawyers, payrolls) needs another way.",
        ),
        _amavis(
            "warn_virus_recipient",
            "Tell the recipient of a virus",
            _ANTIVIRUS,
            _SWITCH,
            "The recipient gets a notice that mail for him was stopped because of a virus.",
            "$warnvirusrecip",
            "A wave of viruses becomes a wave of notices.",
        ),
        _amavis(
            "warn_virus_admin",
            "Tell the administrator of a virus",
            _ANTIVIRUS,
            _SWITCH,
            "The administrator gets a notice of each virus.",
            "$virus_admin",
            "A wave of viruses becomes a wave of notices.",
        ),
        _amavis(
            "admin_address",
            "Administrator's address",
            _ANTIVIRUS,
            Address(),
            "Where the administrator's notices go: of viruses and of blocked attachments, as far as they are "
            "switched on.",
            "$virus_admin",
        ),
        _clamav(
            "database_mirrors",
            "Mirrors",
            _SIGNATURES,
            Mirrors(),
            "Where signatures come from, tried in this order. The old names db.XY.clamav.net all are "
            "database.clamav.net today.",
            "DatabaseMirror",
            _FRESHCLAM,
        ),
        _clamav(
            "custom_signatures",
            "Signatures of one's own",
            _SIGNATURES,
            Signatures(),
            "Files with signatures besides ClamAV's: URLs that are fetched at each update, and files in the "
            "database directory. A file is tried before clamd sees it.",
            "DatabaseCustomURL",
            _FRESHCLAM,
            "A careless signature stops good mail: each name it gives ends in .UNOFFICIAL in the log.",
        ),
        _clamav(
            "update_frequency",
            "Updates are looked for",
            _SIGNATURES,
            Frequency(),
            "How often: 45s, 30m, 2h, 1d, 3w. What freshclam's Checks can say exactly (whole times a day) it "
            "does itself; anything else a timer of ours does.",
            "Checks",
            _FRESHCLAM,
            "Public mirrors block those who ask more often than once an hour, for a day.",
        ),
    ),
)

"""What a change of amavis's settings would do that one might not think of."""

from __future__ import annotations

from collections.abc import Collection

from mtatui.backends.filters.amavis_controls import CONTROLS
from mtatui.backends.filters.amavis_lint import findings
from mtatui.backends.filters.amavis_notices import CONTROLS as NOTICES
from mtatui.backends.filters.amavis_values import checks_spam, checks_viruses
from mtatui.backends.postfix.draft import Draft

#: Findings that are warned of before they come true.
_FORESEEN = frozenset(
    ("tag-above-kill", "spam-bounces", "virus-bounces", "no-clamd", "clamd-elsewhere", "clamd-not-in-group")
)


def warn(draft: Draft, keys: Collection[str]) -> None:
    """Warn of it.

    Args:
        keys: the settings that change.
    """
    if not set(keys) & {*CONTROLS, *NOTICES}:
        return
    after = draft.after
    before, amavis = (reading.filters and reading.filters.amavis for reading in (draft.before, after))
    if not amavis or not before or amavis.trouble:
        return
    already = {finding.id for finding in findings(draft.before, before)}
    for finding in findings(after, amavis):
        if finding.id in _FORESEEN and (finding.id not in already or finding.setting in keys):
            draft.warn(finding.text, grave=finding.grave)
    if "filtering.antivirus" in keys and not checks_viruses(amavis.values):
        draft.warn("Viruses reach their recipients.", grave=True)
    if "filtering.virus_destiny" in keys and amavis.get("$final_virus_destiny") == "1":
        draft.warn("Mail with viruses is delivered to its recipients.", grave=True)
    for key, name, checked in (
        ("filtering.spam_destiny", "$final_spam_destiny", checks_spam(amavis.values)),
        ("filtering.virus_destiny", "$final_virus_destiny", checks_viruses(amavis.values)),
    ):
        if key in keys and checked and amavis.get(name) == "-3":
            draft.warn(
                "Behind Postfix's queue, refusing means that Postfix sends the mail back to its sender, who "
                "is forged nearly always (backscatter); before the queue (smtpd_proxy_filter, a milter) it "
                "is right."
            )
    if not amavis.used(after):
        draft.warn("No mail goes through amavis: nothing in Postfix names it, and this has no effect yet.")

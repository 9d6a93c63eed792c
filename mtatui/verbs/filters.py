"""What can be done about the filters beside Postfix, from any page of settings."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

#: In the order in which the footer of their page shows them.
FILTERS: tuple[Action, ...] = (
    Action(
        "probe-chain",
        "P",
        "Probe",
        "Send test messages through the whole chain, and see which promises are kept.",
        "settings",
        Danger.REVERSIBLE,
        "doctor --probe",
    ),
)

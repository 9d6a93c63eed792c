"""What can be done about the filters beside Postfix, from any page of settings."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

#: In the order in which the footer of their page shows them.
FILTERS: tuple[Action, ...] = (
    Action(
        "signatures",
        "U",
        "Signatures",
        "The signatures of viruses: how old they are, the last update; update them now.",
        "settings",
        cli="signatures",
    ),
    Action(
        "dkim",
        "K",
        "DKIM",
        "Which domains are signed, with which keys, and whether the DNS has them; new keys.",
        "settings",
        cli="dkim list",
    ),
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

#: What can be done where signatures are shown.
SIGNATURES: tuple[Action, ...] = (
    Action(
        "update-signatures",
        "u",
        "Update now",
        "Have freshclam look for new signatures now, and clamd load them.",
        "signatures",
        Danger.REVERSIBLE,
        "signatures update",
    ),
    Action(
        "add-signatures",
        "a",
        "Add",
        "Add a file of your own: loaded on trial, put into place by a plan, taken back by an undo.",
        "signatures",
        Danger.REVERSIBLE,
        "signatures add",
    ),
    Action(
        "remove-signatures",
        "x",
        "Remove",
        "Plan to remove the file of your own under the cursor.",
        "signatures",
        Danger.REVERSIBLE,
        "signatures remove",
    ),
    Action(
        "test-signatures",
        "t",
        "Test",
        "Have ClamAV load the database under the cursor, and nothing else.",
        "signatures",
        cli="signatures check",
    ),
    Action("look-signatures", "R", "Look again", "Look which signatures there are, now.", "signatures"),
)

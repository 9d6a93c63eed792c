"""Finds a domain for which this server can sign, and its key."""

from __future__ import annotations

from mtatui.backends.host import Host
from mtatui.backends.probing_letters import Signer
from mtatui.settings.current import Reading


async def find_signer(host: Host, reading: Reading) -> tuple[Signer | None, str]:
    """Who can sign here; None with the reason in words where nobody can."""
    return None, "no key of this server is known"

"""Why a message waits, in a few words: the same cause for the same trouble, whatever host or ID it names."""

from __future__ import annotations


def cause(text: str, status: str) -> str:
    """The cause a reply names."""
    return text[:10]

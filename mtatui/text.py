"""The one door for text written by strangers: nothing passes that could steer a terminal or hide."""

from __future__ import annotations


def clean(text: str, *, lines: bool = False) -> str:
    """The text with every control character made visible; ``lines`` keeps newlines and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or (lines and c in "\n\t") else "\ufffd" for c in text)

"""mtatui: the mail admin's terminal for Postfix servers."""

__version__ = "0.1.0"

"""HTML mail as text a person can read in a terminal: no styling, and where every link really leads.

Nothing is fetched and nothing is trusted: the document comes from a stranger, may be broken anywhere, and may
be built to make a parser crawl. It is fed in small pieces and never "closed", because then Python's parser
goes over an unfinished construct again from every place where one starts.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: More HTML than this (characters) is not rendered; newsletters stay well below it.
LIMIT = 512 * 1024
_PIECE = 16 * 1024

_SILENT = {"script", "style", "head", "title", "template", "svg"}
_BLOCK = {
    "address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "nav", "ol", "p", "pre",
    "section", "table", "tr", "ul",
}  # fmt: skip
_SPACED = {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul"}
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TAG = re.compile(r"<[^<>]*>")


def html_to_text(html: str) -> str:
    """The words of an HTML document, paragraphs apart, links followed by their targets. Never raises.

    The result is not yet clean: it passes `mtatui.text.clean` like everything a stranger wrote.
    """
    renderer = _Renderer()
    cut = len(html) > LIMIT
    html = html[:LIMIT]
    for start in range(0, len(html), _PIECE):
        piece = html[start : start + _PIECE]
        try:
            renderer.feed(piece)
        except (AssertionError, ValueError, RecursionError):
            # The parser gave up ("<![x" is enough): the words still count.
            renderer.words(_TAG.sub(" ", renderer.rawdata))
            renderer.reset_parser()
    if renderer.rawdata and not renderer.rawdata.startswith("<!--"):
        renderer.words(_TAG.sub(" ", renderer.rawdata))
    text = renderer.text()
    return text + "\n\n(the HTML goes on; see the raw message)" if cut else text


class _Renderer(HTMLParser):
    """Collects lines of text as tags and words go by."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._silent = 0
        self._pre = 0
        self._link: tuple[str, int, int] | None = None

    def reset_parser(self) -> None:
        """Forget what could not be parsed and go on with the next piece."""
        self.reset()

    def text(self) -> str:
        """What has been collected, with no more than one empty line in a row."""
        joined = "\n".join(line.rstrip() for line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", joined).strip("\n")

    def words(self, data: str) -> None:
        """Add running text."""
        if self._pre:
            first, *rest = data.split("\n")
            self._lines[-1] += first
            self._lines += rest
            return
        data = _SPACE.sub(" ", data)
        line = self._lines[-1]
        self._lines[-1] = line + (data.lstrip(" ") if not line or line.endswith(" ") else data)

    def _new_line(self, *, spaced: bool = False) -> None:
        if self._lines[-1].strip():
            self._lines.append("")
        if spaced and len(self._lines) > 1 and self._lines[-2]:
            self._lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "body":
            self._silent = 0  # a head that was never closed must not swallow the message
        elif tag in _BLOCK:
            self._new_line(spaced=tag in _SPACED)
            if tag == "li":
                self.words("• ")
            elif tag == "pre":
                self._pre += 1
        elif tag == "br":
            self._lines.append("")
        elif tag == "hr":
            self._new_line()
            self._lines += ["────────", ""]
        elif tag in {"td", "th"} and self._lines[-1].strip():
            self._lines[-1] = self._lines[-1].rstrip() + "  "
        elif tag == "img" and not self._silent:
            alt = dict(attrs).get("alt")
            self.words(f"[image: {alt}]" if alt else "[image]")
        elif tag == "a":
            target = (dict(attrs).get("href") or "").strip()
            self._link = (target, len(self._lines), len(self._lines[-1])) if target else None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCK:
            if tag == "pre":
                self._pre = max(0, self._pre - 1)
            self._new_line(spaced=tag in _SPACED)
        elif tag == "a" and self._link:
            target, line, column = self._link
            self._link = None
            shown = self._lines[line - 1][column:].strip() if line == len(self._lines) else ""
            if not target.startswith("#") and shown not in {target, target.removeprefix("mailto:")}:
                self.words(f" <{_SPACE.sub('', target)}>")

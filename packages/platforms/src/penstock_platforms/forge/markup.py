"""Markdown as GitHub shows it, roughly: nothing that was written becomes markup except a few harmless tags."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
_HARMLESS = re.compile(r"&lt;(/?(?:details|summary|sub|sup|b|i|br|kbd)\s*/?)&gt;")


def prose(text: str) -> str:
    """Comments of HTML stay hidden, as on the real page: that is where our marks are."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return _HARMLESS.sub(r"<\1>", str(markdown.render(_HIDDEN.sub("", text))))

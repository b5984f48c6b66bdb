"""Markdown of a model's answer as HTML that can do no harm: no raw HTML, pictures, scripts or styles."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

# fmt: off
TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}
# fmt: on
LONGEST = 200_000  # characters; beyond, the text is shown as it is


@lru_cache(1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def html_of(text: str) -> str:
    """Safe to be put into a page unescaped."""
    if len(text) > LONGEST:
        return f"<pre>{nh3.clean_text(text)}</pre>"
    return nh3.clean(
        _parser().render(text),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )

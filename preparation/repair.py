"""Text as it was meant: encoding damage, control and zero-width characters, Unicode form, trailing blanks."""

import re
from functools import lru_cache
from typing import Any

# what str.isascii plus this lets through needs no repair
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# joiners (200c, 200d) and direction marks carry meaning in some scripts and stay
ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u180e"))
SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2007"), " ")
TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
GAPS = re.compile(r"\n{4,}")
SOFT_HYPHEN = re.compile("\u00ad(\n?)[ \t]*")


@lru_cache(1)
def fixer() -> Any:
    """ftfy without what would change code, Markdown or typography on purpose."""
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,
        uncurl_quotes=False,
        fix_character_width=False,
        normalization="NFC",
        explain=False,
    )


def repair(text: str) -> str:
    """The repaired text; the same for text that is in order, whatever it holds (code, Markdown, HTML)."""
    if not text.isascii() or UNPRINTABLE.search(text):
        from ftfy import fix_text

        text = text.replace("\f", "\n")
        text = SOFT_HYPHEN.sub("", text)
        text = fix_text(text, fixer()).translate(ZERO_WIDTH).translate(SPACES)
    text = TRAILING.sub("", text) if " \n" in text or "\t\n" in text or text[-1:] in " \t" else text
    return GAPS.sub("\n\n\n", text) if "\n\n\n\n" in text else text

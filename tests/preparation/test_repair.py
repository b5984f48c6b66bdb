import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.repair import repair


@pytest.mark.parametrize(
    ("damaged", "whole"),
    [
        ("The cafÃ© is closed", "The café is closed"),
        ("wonâ€™t", "won’t"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\x00b\x07c", "abc"),
        ("e\u0301t\u00e9", "été"),
        ("ten\u00a0euros", "ten euros"),
        ("agree\u00ad\nment", "agreement"),
        ("page one\fpage two", "page one\npage two"),
        ("ﬁne oﬃce", "fine office"),
        ("blanks   \nhere\t\n", "blanks\nhere\n"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("a\r\nb", "a\nb"),
    ],
)
def test_damage_is_repaired(damaged: str, whole: str) -> None:
    assert repair(damaged) == whole


@pytest.mark.parametrize(
    "text",
    [
        "if a &lt; b &amp;&amp; c: # HTML stays as it was written",
        "“Curly quotes” are a matter of taste – so are dashes…",
        "**bold** `code` [link](https://example.com/?a=1&b=2)",
        "全角！日本語テキスト",
        "👩\u200d💻 writes code",
        "می\u200cخواهم",
        "def f():\n    return {'a': 1}\n\n\nclass A: ...",
        "Größe, naïve, Łódź",
    ],
)
def test_text_in_order_stays_as_it_is(text: str) -> None:
    assert repair(text) == text


@given(st.text(max_size=200))
def test_repaired_text_needs_no_repair(text: str) -> None:
    once = repair(repair(text))
    assert repair(once) == once


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=200))
def test_plain_ascii_is_untouched(text: str) -> None:
    assert repair(text) == text

import pytest

from preparation.readers import Unreadable
from preparation.readers.html import main_blocks
from preparation.readers.markup import blocks, parsed


def markdown(page: str) -> str:
    root = parsed(page)
    assert root is not None
    return "\n\n".join(block.text for block in blocks(root))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>One <b>bold</b> <a href='x'>link</a><br>next</p>", "One bold link\nnext"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol start=3><li>a</li><li><p>b</p><p>c</p></li></ol>", "3. a\n4. b\n   c"),
        ("<dl><dt>Term</dt><dd>What it means</dd></dl>", "- Term\n  What it means"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<pre class='language-sh'>a\n  b</pre>", "```sh\na\n  b\n```"),
        ("<pre>``` inside</pre>", "````\n``` inside\n````"),
        ("<p>Use <code>x</code> and <kbd>Ctrl</kbd></p>", "Use `x` and `Ctrl`"),
        (
            "<table><tr><th>a|b</th><th>c</th></tr><tr><td rowspan=2>1</td><td>2</td></tr>"
            "<tr><td>3</td></tr></table>",
            "| a\\|b | c |\n| --- | --- |\n| 1 | 2 |\n|  | 3 |",
        ),
        (
            "<table><tr><td><h2>Title</h2><p>Words</p></td><td>Menu</td></tr></table>",
            "Title\n\nWords\n\nMenu",
        ),
        ("<div>a<p>b</p>c <span>d</span></div>", "a\n\nb\n\nc d"),
        ("<p>seen<span style='display: none'>unseen</span></p><p hidden>x</p><script>y</script>", "seen"),
        ("<p>2 &lt; 3 &amp; 4</p>", "2 < 3 & 4"),
        ("<p>Price: <ix:nonNumeric id='a'>four</ix:nonNumeric> euros</p>", "Price: four euros"),
        ("<details><summary>How long?</summary><p>Two days.</p></details>", "How long?\n\nTwo days."),
    ],
)
def test_markup_becomes_markdown(page: str, expected: str) -> None:
    assert markdown(page) == expected


MENU = "<ul><li><a href='/a'>Home</a></li><li><a href='/b'>Shop for boats</a></li></ul>"
WORDS = "A hull that dries out over the winter opens at its seams, so that the boat leaks for days in spring."
PAGE = f"""<html><head><title>Hulls</title></head><body><div class="main-menu">{MENU}</div>
<div class="cookie-banner">We use cookies to measure how our pages are used.</div>
<main><h1>Sealing a hull</h1><p>{WORDS}</p><pre>rake --seam</pre>
<table><tr><th>Size</th><th>Use</th></tr><tr><td>8</td><td>Wide seams</td></tr></table>
<p>Fill the seam to just below the surface and let it dry for a week before the boat goes in.</p></main>
<aside class="related">{MENU}</aside><footer>© All rights reserved</footer></body></html>"""


def test_only_the_main_text_of_a_page_stays_with_its_code_and_tables() -> None:
    found = "\n\n".join(block.text for block in main_blocks(parsed(PAGE)))
    assert found.startswith(f"Sealing a hull\n\n{WORDS}\n\n```\nrake --seam\n```\n\n| Size | Use |")
    for noise in ("cookies", "Shop", "rights"):
        assert noise not in found


def test_a_page_with_headings_is_under_these_and_one_without_under_its_title(read) -> None:
    assert read("hull.html", PAGE)[0].heading == ("Sealing a hull",)
    (row,) = read("note.html", f"<html><head><title>Notice</title></head><body><p>{WORDS}</p></body></html>")
    assert row.heading == ("Notice",)


@pytest.mark.parametrize("charset", ["cp1252", "iso8859_2", "utf-8", "utf-16"])
def test_a_page_is_read_in_the_encoding_it_declares(read, charset: str) -> None:
    words = "Die Fähre fährt um zwölf, und sie kommt zurück, sobald das Wasser hoch genug für sie steht."
    page = f"<html><head><meta charset='{charset}'></head><body><p>{words}</p></body></html>"
    (row,) = read("umlauts.html", page.encode(charset))
    assert row.text == words


def test_a_page_of_nothing_but_links_is_kept_as_a_list(read) -> None:
    links = "".join(f"<li><a href='{at}'>How to build the boat number {at}</a></li>" for at in range(30))
    (row,) = read("index.html", f"<html><body><h1>All plans</h1><ul>{links}</ul></body></html>")
    assert row.text.count("- How to build") == 30


def test_a_page_without_text_is_told(read) -> None:
    with pytest.raises(Unreadable, match="It holds no text"):
        read("empty.html", "<html><body><script>x()</script></body></html>")

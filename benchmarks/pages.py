"""Web pages whose main text is known: it stands between `«` and `»`, which no extractor gets to see.

Layouts as they are met: semantic ones, soups of divs, tables as layout, pages of lists, tables or code alone.
"""
# ruff: noqa: E501 - markup has lines of its own

import re
from typing import NamedTuple

from lxml import html

COOKIES = """<div class="cookie-consent" id="cc"><p>We and our partners use cookies to store and access information
on your device and to measure how our content is used. You can change your choice at any time.</p>
<button>Accept all</button><a href="/privacy">Privacy settings</a></div>"""
MENU = """<nav class="main-menu"><ul><li><a href="/">Home</a></li><li><a href="/shop">Shop</a></li>
<li><a href="/stories">Stories</a></li><li><a href="/about">About us</a></li><li><a href="/jobs">Jobs</a></li></ul></nav>"""
FOOTER = """<footer class="site-footer"><div><h4>Company</h4><ul><li><a href="/imprint">Imprint</a></li>
<li><a href="/terms">Terms of use</a></li></ul></div><p>© 2026 All rights reserved. Made with care in the harbour.</p>
<form><label>Get our newsletter</label><input type="email"><button>Subscribe</button></form></footer>"""
RELATED = """<aside class="related"><h3>You may also like</h3><ul><li><a href="/a">Ten ferries that changed the coast</a></li>
<li><a href="/b">Why gulls follow ploughs</a></li><li><a href="/c">The last lamp keeper</a></li></ul></aside>"""
SHARE = (
    """<div class="share-buttons"><a href="#">Share</a> <a href="#">Tweet</a> <a href="#">Mail</a></div>"""
)

BLOG = f"""<header><a class="logo" href="/">Harbour Notes</a>{MENU}</header>{COOKIES}<main><article>
«<h1>Sealing a wooden hull</h1>» <p class="byline">By <a href="/u">M. Oar</a>, 4 min read</p>{SHARE}
«<p>A hull that dries out over the winter opens at its seams, and a boat that goes back into the water in April will
leak for days unless the seams are filled first. The work is slow but needs no special skill.</p>
<h2>What you need</h2><ul><li>Cotton caulking, two sizes</li><li>A caulking iron and a mallet</li>
<li>Seam compound</li></ul><h2>The work</h2><p>Rake out the old compound with a bent screwdriver. Drive the cotton in
loops, never in a straight line, so that it can give when the planks swell.</p>
<p>Fill the seam to just below the surface. The planks will push the compound outward when they take up water.</p>»
<div class="tags"><a href="/t/1">hull</a> <a href="/t/2">repair</a></div></article>{RELATED}</main>{FOOTER}"""

DOCS = f"""<div class="topbar">{MENU}<input placeholder="Search the docs"></div><div class="layout">
<div class="sidebar"><ul><li><a href="i">Install</a></li><li><a href="q">Quick start</a></li><li><a href="r">Reference</a>
<ul><li><a href="r1">Client</a></li><li><a href="r2">Errors</a></li></ul></li></ul></div><div class="content" role="main">
<div class="breadcrumbs"><a href="/">Docs</a> › <a href="r">Reference</a> › Client</div>
«<h1>Client</h1><p>The client keeps one connection for each host and hands it out to whoever asks first.</p>
<pre><code class="language-python">client = Client(host="localhost", retries=3)
with client.session() as session:
    print(session.get("/status").json())</code></pre>
<h2>Options</h2><table><thead><tr><th>Name</th><th>Default</th><th>Meaning</th></tr></thead><tbody>
<tr><td><code>retries</code></td><td>2</td><td>How often a failed call is made again</td></tr>
<tr><td><code>timeout</code></td><td>30</td><td>Seconds to wait for the first byte</td></tr></tbody></table>
<p>A call that timed out counts as failed.</p>»
<div class="pager"><a href="q">Previous: Quick start</a><a href="r2">Next: Errors</a></div></div></div>{FOOTER}"""

NEWS = f"""{COOKIES}<div id="page"><div id="head">{MENU}</div><div class="ad">Advertisement</div><div id="story">
«<h1>Council votes to keep the ferry running through the winter</h1>
<p>The ferry between the two banks will keep its winter timetable, the council decided on Tuesday night after a debate
that went on until eleven. Nine members voted for the plan and four against it.</p>»
<div class="ad">Advertisement</div>«<p>The crossing costs the town about as much as it earns in fares. Supporters said that the
detour over the bridge takes forty minutes, and that the school bus would have to leave before six.</p>
<blockquote><p>Nobody who has waited for that bus in February would vote to close the ferry.</p></blockquote>
<p>The operator now has to hire two more deckhands. It said that it expects to do so by the end of next month.</p>»
{SHARE}</div><div id="right"><h3>Most read</h3><ol><li><a href="1">Storm closes the pier</a></li>
<li><a href="2">New bakery opens</a></li><li><a href="3">Mayor will not run again</a></li></ol></div>
<div class="comments"><h3>Comments (2)</h3><div class="comment"><b>rowan</b> <p>About time.</p></div>
<div class="comment"><b>finn</b><p>Who pays for it, though?</p></div></div></div>{FOOTER}"""

SOUP = f"""<div class="x1">{MENU}</div><div class="x2"><div class="x3"><div class="x4">«<div class="x5">How we roast</div>
<div class="x6">We roast twice a week, on Mondays and Thursdays, in a drum that holds twelve kilos. Each batch takes between
eleven and fourteen minutes.</div><div class="x6">The beans rest for three days before they are packed, because fresh beans
give off so much gas that a closed bag would swell.</div><div class="x6">Light roasts keep the taste of the place they come
from; dark roasts taste of the roast itself. We stop in the middle.</div>»</div></div>
<div class="x7"><a href="/1">Subscribe</a><a href="/2">Gift cards</a><a href="/3">Wholesale</a></div></div>
<div class="x8">© 2026 <a href="/i">Imprint</a> <a href="/p">Privacy</a></div>"""

FAQ = f"""<header>{MENU}</header><section class="faq">«<h1>Questions about your order</h1><details><summary>How long does
delivery take?</summary><p>Two to four working days within the country, up to ten abroad.</p></details>
<details><summary>Can I send something back?</summary><p>Yes, within thirty days. Write to us first and we will send a
label.</p></details><details><summary>Do you ship to islands?</summary><p>We do, at the same price; add two days.</p></details>»
</section><div class="contact-box"><a href="/contact">Contact us</a></div>{FOOTER}"""

TABLE_LAYOUT = """<table width="900"><tr><td colspan="2"><a href="/"><img src="l.gif"></a> <a href="/n">News</a> |
<a href="/l">Links</a> | <a href="/g">Guest book</a></td></tr><tr><td width="150" valign="top"><a href="1">Moths</a><br>
<a href="2">Beetles</a><br><a href="3">Bees</a></td><td>«<h1>Moths of the dunes</h1><p>Most moths of the dunes fly in June and
July. A white sheet and a lamp are all one needs to see them, and a warm night without wind.</p>
<table border="1"><tr><th>Species</th><th>Seen</th></tr><tr><td>Garden tiger</td><td>June to August</td></tr>
<tr><td>Burnet</td><td>July</td></tr></table><p>The garden tiger has become rare; please write to me if you see one.</p>»
</td></tr><tr><td colspan="2"><font size="1">Last updated in May. Best viewed with 800 x 600.</font></td></tr></table>"""

WIKI = f"""<div id="mw-head">{MENU}</div><div id="content">«<h1>Tidal mill</h1>»<div id="toc" class="toc"><h2>Contents</h2><ul>
<li><a href="#1">1 How it works</a></li><li><a href="#2">2 History</a></li></ul></div>«<p>A <b>tidal mill</b> is a water mill
that is driven by the rise and fall of the tide. A dam with a gate closes an inlet; at high water the gate is shut, and the
water that is held back drives the wheel while the sea falls.</p>
<h2>How it works</h2><p>The wheel turns for about five hours of each tide, so that the miller's day moves by fifty minutes
from one day to the next.</p><h2>History</h2><p>Mills of this kind were built on many coasts from the early Middle Ages on.
Few are left that still grind.</p>»</div><div id="catlinks">Categories: <a href="c1">Mills</a> | <a href="c2">Tides</a></div>
<div id="mw-panel"><a href="r">Random page</a><a href="h">Help</a></div>{FOOTER}"""

RECIPE = f"""{MENU}{COOKIES}<div class="recipe">«<h1>Rye bread without kneading</h1><p>Mix it in the evening, bake it in the
morning.</p><h2>Ingredients</h2><ul><li>400 g rye flour</li><li>350 ml water, lukewarm</li><li>80 g sourdough</li>
<li>8 g salt</li></ul><h2>Method</h2><ol><li>Stir everything together until no dry flour is left.</li><li>Cover the bowl and
leave it for twelve hours.</li><li>Fill the dough into a greased tin and bake it for fifty minutes at 220 degrees.</li></ol>»
</div><div class="rating">Rate this recipe: ★★★★★ <span>4.8 of 5 from 213 votes</span></div>{RELATED}{FOOTER}"""

REFERENCE = f"""<nav>{MENU}</nav><main>«<h1>Exit codes</h1><table><tr><th>Code</th><th>Name</th><th>Reason</th></tr>
<tr><td>0</td><td>done</td><td>Everything went well</td></tr><tr><td>2</td><td>usage</td><td>An option is unknown</td></tr>
<tr><td>7</td><td>lock</td><td>Another process holds the lock</td></tr><tr><td>9</td><td>full</td><td>No space is left</td></tr>
</table>»</main>{FOOTER}"""

ANSWERS = f"""<div class="header">{MENU}</div><div class="q">«<h1>Why does my compass turn near the engine?</h1><p>When the engine
is running the needle moves by about ten degrees. It comes back when I stop it. What can I do?</p>»<div class="meta">asked
3 days ago, viewed 41 times</div></div><div class="answer">«<p>The current in the starter cable makes a field of its own. Twist
the two wires around each other along their whole length; their fields then cancel.</p><pre>before:  ======
after:   xxxxxx</pre><p>If that is not enough, move the compass by half a metre.</p>»<div class="votes">17</div></div>
<div class="sidebar"><h4>Linked</h4><a href="1">Deviation table</a><a href="2">Steel hulls</a></div>{FOOTER}"""

PRODUCT = f"""{COOKIES}{MENU}<div class="product"><div class="gallery"><img src="1.jpg"><img src="2.jpg"></div>«<h1>Storm lantern,
brass</h1><p class="description">A lantern that stays alight in any wind. The glass slides up for lighting, and the tank holds
oil for twenty hours.</p>»<span class="price">€ 49.00</span><button>Add to basket</button>«<h2>Details</h2><ul><li>Height: 26 cm</li>
<li>Weight: 0.7 kg</li><li>Wick: flat, 12 mm</li></ul>»</div><div class="recommendations"><h2>Customers also bought</h2>
<div><a href="1">Lamp oil, 1 l</a> € 8.00</div><div><a href="2">Spare wicks</a> € 4.00</div></div>{FOOTER}"""

SHORT = """<html><head><title>Notice</title></head><body>«<p>The library is closed on Friday.</p>»</body></html>"""

GERMAN = f"""<header>{MENU}</header><div class="inhalt">«<h1>Öffnungszeiten der Werft</h1><p>Die Werft ist von Montag bis Donnerstag
von acht bis siebzehn Uhr geöffnet, freitags bis vierzehn Uhr. Über Winter liegende Boote können nach Absprache auch am
Wochenende besucht werden.</p><h2>Anfahrt</h2><p>Mit dem Bus bis zur Haltestelle Schleuse, dann fünf Minuten zu Fuß am Deich
entlang. Parkplätze gibt es vor dem Tor.</p>»</div><div class="cookie-hinweis">Diese Seite verwendet Cookies.
<a href="#">Mehr erfahren</a></div>{FOOTER}"""


class Page(NamedTuple):
    name: str
    html: str
    truth: str  # words of the main text


def pages() -> list[Page]:
    written = {
        "blog": BLOG, "docs": DOCS, "news": NEWS, "soup": SOUP, "faq": FAQ, "table layout": TABLE_LAYOUT, "wiki": WIKI,
        "recipe": RECIPE, "reference": REFERENCE, "answers": ANSWERS, "product": PRODUCT, "short": SHORT, "german": GERMAN,
    }  # fmt: skip
    return [Page(name, _document(page), _truth(page)) for name, page in written.items()]


def _document(page: str) -> str:
    page = re.sub("[«»]", "", page)
    return (
        page
        if page.startswith("<html")
        else f"<!DOCTYPE html><html><head><title>A page</title></head><body>{page}</body></html>"
    )


def _truth(page: str) -> str:
    parts = re.findall(r"«(.*?)»", page, re.DOTALL)
    return " ".join(words for part in parts for words in html.fromstring(f"<div>{part}</div>").itertext())

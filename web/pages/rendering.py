"""The templates, their filters, and how a route answers a page or a fragment of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from providers import TITLES
from records import Verdict
from web.pages import words
from web.pages.assets import static
from web.pages.markdown import html_of

HERE = Path(__file__).parent.parent
FRAGMENT = "x-fragment"
# `<EMAIL_1>`, escaped
PLACEHOLDER = re.compile(r"(&lt;[A-Z][A-Z_]*_\d+&gt;)")


def excerpt(text: str, length: int = 200) -> str:
    return text if len(text) <= length else f"{text[:length].rstrip()} …"


def marked(text: str) -> Markup:
    """Placeholders of what was redacted stand out."""
    return Markup(PLACEHOLDER.sub(r"<mark>\1</mark>", str(escape(text))))


def verdict_name(verdict: Verdict) -> str:
    return words.VERDICTS[verdict]


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "ago": words.ago,
        "beginning": words.beginning,
        "bytes": words.bytes_of,
        "limit": words.limit_of,
        "counted": words.counted,
        "dollars": words.dollars,
        "evaluation_line": words.evaluation_line,
        "excerpt": excerpt,
        "failure_message": words.failure_message,
        "failure_words": words.failure_words,
        "figure": lambda value, metric: words.figure(metric, value),
        "full_day": words.full_day,
        "markdown": lambda text: Markup(html_of(text)),
        "marked": marked,
        "moment": words.moment,
        "on_page": words.on_page,
        "place": words.place,
        "verdict": verdict_name,
    }
    made.globals |= {
        "static": static,
        "statuses": words.STATUSES,
        "providers": TITLES,
        "kinds": words.KINDS,
        "metrics": words.METRICS,
        "treatments": words.TREATMENTS,
        # what a page may leave out
        "account": None,
        "section": "",
        "chosen": "",
        "gone": None,
    }
    return made


templates = Jinja2Templates(env=_environment())


def compile_templates() -> None:
    """Now, so that the first person need not wait for it."""
    for name in templates.env.list_templates():
        templates.env.get_template(name)


def page(request: Request, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    return templates.TemplateResponse(request, name, dict(context), status_code=status)


def wants_fragment(request: Request) -> bool:
    """Asked by our own script, which puts the answer into the page that is there."""
    return FRAGMENT in request.headers


def done(request: Request, name: str, context: Mapping[str, Any], go: str, status: int = 200) -> Response:
    """After a change: the fragment for the script, a redirect to a page for a plain form."""
    if wants_fragment(request):
        return page(request, name, context, status)
    return RedirectResponse(go, 303)

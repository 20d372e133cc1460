"""Pages from templates beside this file: every value is escaped, no scripts, nothing from elsewhere."""

from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from stripe_stand_in.web import Reply

FOLDER = Path(__file__).parent / "pages"
STYLESHEET = "/stand-in.css"


class Markup(str):
    """HTML that is already escaped."""


def fill(template: str, **values: str) -> Markup:
    safe = {name: value if isinstance(value, Markup) else escape(value) for name, value in values.items()}
    return Markup(Template((FOLDER / template).read_text()).substitute(safe))


def join(parts: list[Markup]) -> Markup:
    return Markup("".join(parts))


def page(title: str, body: Markup, *, status: int = 200, leads_to: tuple[str | None, ...] = ()) -> Reply:
    """``leads_to`` lists where a form may redirect to: browsers apply the policy to redirects too."""
    content = fill("base.html", title=title, body=body)
    targets = " ".join(["'self'", *(origin(address) for address in leads_to if address)])
    policy = f"default-src 'none'; style-src 'self'; form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    return Reply(status, content.encode(), "text/html; charset=utf-8", headers)


def origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def stylesheet() -> Reply:
    return Reply(200, (FOLDER / "stand-in.css").read_bytes(), "text/css; charset=utf-8")


def redirect(address: str) -> Reply:
    return Reply(303, headers={"Location": address})


def dollars(cents: int) -> str:
    sign = "−" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"

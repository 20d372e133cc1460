"""A crawler that follows every link, form, facet, redirect and JSON address its client is shown."""

import json
import re
from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from django.http import HttpResponse
from django.test import Client

ADDRESSES = ("href", "src", "action", "hx-get", "data-url")
METHODS = ("HEAD", "OPTIONS")
SITE = "http://testserver"
GAP = b"\n\n"


class Links(HTMLParser):
    """Return a page's addresses; a GET form gives one for each of its choices and one for all its values."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.form: str | None = None
        self.inputs: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.form = said.get("action", "") if said.get("method", "get").lower() == "get" else None
            self.inputs = []
        elif tag in ("input", "option", "button") and self.form is not None and said.get("value"):
            self.inputs.append((said.get("name", ""), said["value"]))
        self.found += [said[name] for name in ADDRESSES if said.get(name) and not (tag == "form" and name == "action")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.form is not None:
            named = [pair for pair in self.inputs if pair[0]]
            self.found += [f"{self.form}?{urlencode([pair])}" for pair in named]
            self.found.append(f"{self.form}?{urlencode(dict(named))}")
            self.form = None


def crawl(client: Client, seeds: list[str], *, most: int, a_path: int = 12) -> Iterator[tuple[str, bytes]]:
    """Yield each request and every byte of its response with headers; at most ``a_path`` queries per path."""
    waiting, seen, tried = deque(seeds), set(seeds), Counter()
    asked = 0
    while waiting and asked < most:
        address = waiting.popleft()
        path = re.sub(r"[0-9a-f-]{36}", "<id>", urlsplit(address).path)
        tried[path] += 1
        if tried[path] > a_path and address not in seeds:
            continue
        asked += 1
        response = client.get(address)
        yield f"GET {address}", (sent := whole(response))
        yield from again(client, address, response)
        for link in links_in(address, response, sent):
            if link not in seen:
                seen.add(link)
                waiting.append(link)


def again(client: Client, address: str, first: HttpResponse) -> Iterator[tuple[str, bytes]]:
    """Request the same address by other methods, as a page fragment, and with the ETag of the response."""
    for method in METHODS:
        yield f"{method} {address}", whole(client.generic(method, address))
    if first.status_code == 200 and first.get("Content-Type", "").startswith("text/html"):
        yield f"part of {address}", whole(client.get(address, headers={"HX-Request": "true"}))
    if tag := first.get("ETag"):
        yield f"tagged {address}", whole(client.get(address, headers={"If-None-Match": tag}))


def whole(response: HttpResponse) -> bytes:
    """Return status, headers, cookies and body."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    head = [f"{response.status_code} {response.reason_phrase}", *map(": ".join, response.items())]
    return "\n".join([*head, *(cookie.OutputString() for cookie in response.cookies.values())]).encode() + GAP + body


def links_in(address: str, response: HttpResponse, sent: bytes) -> Iterator[str]:
    """Return addresses on this site, without fragments."""
    kind = response.get("Content-Type", "")
    found = [response["Location"]] if "Location" in response else []
    if kind.startswith("text/html"):
        parser = Links()
        parser.feed(sent.partition(GAP)[2].decode())
        found += parser.found
    elif kind.startswith("application/json"):
        found += [text for text in _texts(json.loads(sent.partition(GAP)[2] or b"null")) if text.startswith(SITE)]
    for link in found:
        target = urljoin(SITE + address, link).partition("#")[0]
        if target.startswith(f"{SITE}/") and not target.startswith((f"{SITE}/static/", f"{SITE}/accounts/logout")):
            yield target.removeprefix(SITE)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)

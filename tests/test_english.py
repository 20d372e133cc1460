"""Phrases that may not come back to what a person or a program reads: pages, errors, mail, docs, docstrings."""

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
READ_AS_A_WHOLE = {".html", ".jinja", ".txt", ".md", ".json", ".js", ".css", ".toml"}
NOT_OURS = re.compile(r"/migrations/|/vendor/|^tests/|^docs/benchmarks/|\.map$|package-lock|^static/fonts/|\.min\.")

# What it used to say, and what to write instead.
PHRASES = {
    r"(?-i:Wants) (a|an|one|two|the|at|true|from|either)": "Enter …; must be …",
    r"(?-i:Answers) (how|the|with|whether|what|its|those|no)": "Returns …",
    r"hand(s|ed|ing)?( \w+)? back": "return",
    r"(the|our|on|off) shelf": "inventory, leads for sale",
    r"e-mail\w*": "email",
    r"licen[c]e\w*": "license",
    r"(colo|favo|behavio|hono|neighbo)ur\w*": "American spelling",
    r"\w+(organis|normalis|recognis|serialis|authoris|summaris)\w+": "American spelling",
    r"cancelled|cancelling|travelled|labelled|catalogue of": "American spelling",
    r"(one|a|this|that|each|every|the) letter (about|to|before|after|was|went|goes|is|says)": "alert, email",
    r"reward for asking": "incentivized",
    r"what became of": "the result",
    r"picked by hand": "selected",
    r"(at|by|to) the desk|its desk": "our team, the operator, the control panel",
    r"comes? down to": "drops to",
    r"in the mean": "on average",
    r"is (anybody|nobody|somebody)'s": "nobody owns …",
    r"(says|said) no": "refuses, declines",
    r"cannot be read as": "is not a valid …",
    r"once more": "again",
    r"(what|as) you wish|wishes": "what you want, request, criteria",
    r"falls? due|fell due": "is due",
    r"to be had": "available",
    r"dear(er|est)": "more expensive, highest price",
    r"as (they|he|it) said": "…",
    r"switch(ed|es)? (on|off)": "turn on, turn off",
    r"anew": "again",
    r"(he|his|him)": "they, it",
}


def texts():
    """Yield (file, line number, text) of everything in the repository that somebody reads."""
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = PROJECT / name
        if NOT_OURS.search(name) or not path.is_file():
            continue
        if path.suffix == ".py":
            yield from ((name, *said) for said in said_in(path.read_text()))
        elif path.suffix in READ_AS_A_WHOLE:
            yield name, 1, path.read_text()


def said_in(program):
    """Yield (line number, text) of the strings and comments of a Python program."""
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield token.start[0], token.string


@pytest.mark.parametrize(("phrase", "instead"), PHRASES.items())
def test_a_phrase_does_not_come_back(phrase, instead):
    pattern = re.compile(rf"\b({phrase})\b", re.IGNORECASE)

    found = [
        f"{name}:{line + text[: hit.start()].count(chr(10))}: {hit[0]}"
        for name, line, text in texts()
        for hit in pattern.finditer(text)
    ]

    assert found == [], f"write: {instead}"

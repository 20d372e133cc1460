"""Canaries: people whose every detail is a unique word, recognized in whatever encoding it leaks."""

import base64
import html
import json
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from leads.intake.capture import Evidence
from leads.models import ConsentText, Lead
from leads.models.contact import Person
from leads.people.identity import email_digest, phone_digest
from tests.factories import Market


@dataclass(frozen=True)
class Canary:
    """A fictional person with a number from 10 to 99."""

    number: int

    @property
    def person(self) -> Person:
        return Person(
            first_name=f"Zebulönia{self.number}",
            last_name=f"O'Quackenbush{self.number}",
            phone=f"+193755507{self.number}",
            second_phone=f"+193755508{self.number}",
            email=f"zebu.{self.number}@canary.example",
            street=f"{self.number} Canary & Wharf Lane",
            city=f"Xanaduville{self.number}",
        )

    @property
    def address(self) -> str:
        return f"203.0.113.{self.number + 100}"

    @property
    def user_agent(self) -> str:
        return f"CanaryBrowser/{self.number}.7"

    @property
    def remark(self) -> str:
        return f"remark of canary {self.number}"

    def evidence(self, text: ConsentText, market: Market) -> Evidence:
        return Evidence(
            text=text,
            given_at=market.now,
            page="https://quotes.example/mortgage",
            ip_address=self.address,
            user_agent=self.user_agent,
        )

    def lead(self, market: Market, **changes: object) -> Lead:
        attributes = {"purpose": "refinance", "loan_amount": 250000, "remark": self.remark}
        evidence = self.evidence(market.text, market)
        return market.lead(**{"person": self.person, "evidence": evidence, "attributes": attributes, **changes})

    @cached_property
    def words(self) -> list[str]:
        return [*vars(self.person).values(), self.address, self.user_agent, self.remark]

    @cached_property
    def written(self) -> list[bytes]:
        """Return every form in which one of the words or digests may be written, in lowercase."""
        digests = [phone_digest(self.person.phone), email_digest(self.person.email)]
        shapes = [shape for word in self.words for shape in written(word)]
        return list(dict.fromkeys([*shapes, *(digest.hex().encode() for digest in digests)]))

    @cached_property
    def coded(self) -> list[bytes]:
        """Return the same in base64."""
        digests = [phone_digest(self.person.phone), email_digest(self.person.email)]
        plain = [*(word.encode() for word in self.words), *digests]
        return list(dict.fromkeys(shape for one in plain for shape in coded(one)))

    @cached_property
    def numbers(self) -> list[bytes]:
        """Return the phones without country code, to look for among digits only."""
        return [phone[-10:].encode() for phone in (self.person.phone, self.person.second_phone)]

    def heard_in(self, sent: bytes) -> bool:
        lowered, digits = sent.lower(), re.sub(rb"[^0-9]", b"", sent)
        return (
            any(shape in lowered for shape in self.written)
            or any(shape in sent for shape in self.coded)
            or any(number in digits for number in self.numbers)
        )


def written(word: str) -> list[bytes]:
    """Return it as it is and as written in HTML, a URL, JSON or a hex dump."""
    shapes = [
        word.lower(),
        html.escape(word).lower(),
        quote(word, safe="").lower(),
        json.dumps(word)[1:-1].lower(),
        "".join(f"&#{ord(character)};" for character in word),
        "".join(f"&#x{ord(character):x};" for character in word),
        "".join(f"\\u{ord(character):04x}" for character in word),
        "".join(f"%{byte:02x}" for byte in word.encode()),
        word.encode().hex(),
    ]
    return [shape.encode() for shape in shapes]


def coded(plain: bytes) -> list[bytes]:
    """Return its base64 in both alphabets at every offset, limited to the characters that depend on it alone."""
    shapes = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + plain)
        own = whole[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        shapes += [own, own.translate(bytes.maketrans(b"+/", b"-_"))]
    return shapes

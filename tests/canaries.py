"""People whose every detail is a unique word, so that it is recognized in whatever form it leaks."""

import base64
import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from leads.intake.capture import Evidence
from leads.models import ConsentText, Lead
from leads.models.contact import Person
from leads.people.identity import email_digest, phone_digest
from tests.factories import Market

NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")


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
        """Every form in which one of the words or digests may be written, in lower case."""
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
        """The phones without country code, to search for among the digits only."""
        return [phone[-10:].encode() for phone in (self.person.phone, self.person.second_phone)]

    def heard_in(self, sent: bytes) -> bool:
        return self in all_heard_in(sent, [self])


def all_heard_in(sent: bytes, canaries: Iterable[Canary]) -> list[Canary]:
    """Which of them are heard in what was sent: it may be long, and is made small and its digits are kept once."""
    lowered, digits = sent.lower(), sent.translate(None, NO_DIGITS)
    return [
        canary
        for canary in canaries
        if any(shape in lowered for shape in canary.written)
        or any(shape in sent for shape in canary.coded)
        or any(number in digits for number in canary.numbers)
    ]


def written(word: str) -> list[bytes]:
    """The word as it is, and as HTML, a URL, JSON or a hex dump would write it."""
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
    """In base64 of both alphabets, wherever it starts in the encoded text: the characters that are only its own."""
    shapes = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + plain)
        own = whole[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        shapes += [own, own.translate(bytes.maketrans(b"+/", b"-_"))]
    return shapes

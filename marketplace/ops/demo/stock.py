"""Fictional requests from two years, most of them recent, captured through the market's own intake."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, groupby

from leads.intake.capture import Capture, Evidence, capture_leads
from leads.models import LeadKind, PhoneType, Vertical
from marketplace.ops.demo.answers import Answers
from marketplace.ops.demo.people import Resident, residents
from marketplace.ops.demo.sources import Supply

SHARES = {
    "mortgage": 22,
    "auto-insurance": 16,
    "health-insurance": 9,
    "life-insurance": 9,
    "medicare": 3,
    "home-insurance": 8,
    "solar": 6,
    "home-improvement": 10,
    "personal-loan": 12,
    "auto-loan": 5,
}
SPAN_DAYS = 720
LEAN = 1.9  # above 1: more of the requests are recent
STILL_REALTIME = 0.015
ASK_AGAIN = 0.02
SOLD_ELSEWHERE = (34, 27, 20, 11, 6, 2)
PHONE_TYPES = {PhoneType.MOBILE: 68, PhoneType.LANDLINE: 17, PhoneType.VOIP: 8, PhoneType.UNKNOWN: 7}
NETWORKS = ("203.0.113", "198.51.100", "192.0.2")  # reserved for documentation
BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
    "Mozilla/5.0 (Linux; Android 15)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0)",
)


def fill_stock(supplies: list[Supply], *, leads: int, chance: random.Random, now: datetime) -> Iterator[int]:
    """Capture ``leads`` requests by vertical and month, as sources deliver monthly. Yield how many are in so far."""
    maker = RequestMaker(supplies, residents(chance), chance, now)
    taken = 0
    for vertical, quantity in _quantities(leads):
        requests = sorted(maker.requests(vertical, quantity), key=lambda request: request.captured_at)
        for _, month in groupby(requests, key=lambda request: (request.captured_at.year, request.captured_at.month)):
            handed_over = list(month)
            window_over = handed_over[-1].captured_at + vertical.window + timedelta(minutes=1)
            taken += len(capture_leads(handed_over, now=min(now, window_over)))
            yield taken


def _quantities(leads: int) -> Iterator[tuple[Vertical, int]]:
    """Yield each vertical with its number of leads; the numbers add up to ``leads``."""
    verticals = Vertical.objects.in_bulk(list(SHARES), field_name="slug")
    upto = [round(leads * share / sum(SHARES.values())) for share in accumulate(SHARES.values())]
    for slug, start, end in zip(SHARES, [0, *upto], upto, strict=False):
        yield verticals[slug], end - start


@dataclass
class RequestMaker:
    supplies: list[Supply]
    people: Iterator[Resident]
    chance: random.Random
    now: datetime
    made: int = 0

    def requests(self, vertical: Vertical, quantity: int) -> Iterator[Capture]:
        answers = Answers(vertical.schemas.latest("version"))
        while quantity > 0:
            resident, age = next(self.people), self._age(vertical)
            yield self._request(vertical, resident, age, answers)
            quantity -= 1
            again = age - timedelta(days=self.chance.uniform(1, 20))
            if quantity and again > vertical.window and self.chance.random() < ASK_AGAIN:
                yield self._request(vertical, resident, again, answers)
                quantity -= 1

    def _age(self, vertical: Vertical) -> timedelta:
        if self.chance.random() < STILL_REALTIME:
            return vertical.window * self.chance.random()
        days = min(SPAN_DAYS, vertical.shelf_life_days - 1)
        return timedelta(days=days * self.chance.random() ** LEAN)

    def _request(self, vertical: Vertical, resident: Resident, age: timedelta, answers: Answers) -> Capture:
        supply = self._supply(vertical)
        captured_at = self.now - age
        evidence = self._evidence(supply, vertical, captured_at)
        legs = self._legs(vertical, evidence)
        self.made += 1
        return Capture(
            vertical=vertical,
            schema=answers.schema,
            source=supply.source,
            external_id=f"demo-{self.made:07}",
            captured_at=captured_at,
            state=resident.state,
            person=resident.person,
            evidence=evidence,
            legs_authorized=legs,
            legs_sold_elsewhere=min(legs, self._sold_elsewhere()),
            postal_code=resident.postal_code,
            kind=LeadKind.CALL if supply.by_phone else LeadKind.FORM,
            phone_type=self._phone_type(resident),
            attributes=answers.draw(self.chance, captured_at.date()),
        )

    def _supply(self, vertical: Vertical) -> Supply:
        """Return a random source; for a vertical closed for resale, only our own form."""
        if not vertical.open_for_resale:
            return self.supplies[0]
        return self.chance.choices(self.supplies, [supply.profile.share for supply in self.supplies])[0]

    def _legs(self, vertical: Vertical, evidence: Evidence) -> int:
        usual = min(vertical.default_legs, evidence.text.most_companies)
        return max(1, usual - (self.chance.random() < 0.2))

    def _sold_elsewhere(self) -> int:
        return self.chance.choices(range(len(SOLD_ELSEWHERE)), SOLD_ELSEWHERE)[0]

    def _phone_type(self, resident: Resident) -> PhoneType:
        if not resident.person.phone:
            return PhoneType.UNKNOWN
        return self.chance.choices(list(PHONE_TYPES), list(PHONE_TYPES.values()))[0]

    def _evidence(self, supply: Supply, vertical: Vertical, captured_at: datetime) -> Evidence:
        text = supply.text_for(self.now - captured_at, resale=vertical.open_for_resale)
        page = f"https://{supply.source.site}/{vertical.slug}"
        if supply.by_phone:
            return Evidence(text=text, given_at=captured_at, page=page)
        kept = supply.profile.proof_days and self.chance.random() < 0.93
        return Evidence(
            text=text,
            given_at=captured_at,
            page=page,
            ip_address=f"{self.chance.choice(NETWORKS)}.{self.chance.randrange(1, 255)}",
            user_agent=self.chance.choice(BROWSERS),
            trustedform_url=f"https://cert.trustedform.com/{self.chance.getrandbits(160):040x}" if kept else "",
            leadid_token=uuid.UUID(int=self.chance.getrandbits(128), version=4) if self.chance.random() < 0.6 else None,
            retained_until=captured_at.date() + timedelta(days=supply.profile.proof_days) if kept else None,
        )

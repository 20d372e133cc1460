"""Stock for the benchmarks: leads by the million, written straight into the tables in the form the product would.

Triggers are disabled while it is written (they would do row by row what is counted here at once); the audit at the end
of ``contention.py`` finds nothing wrong. Verticals, places, sources, ages, answers, legs and proof are drawn with the
uneven shares of real leads; see ``answers.py``, ``places.py`` and ``sources.py``.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from threading import Lock
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.answers import answers, drawn_place, drawn_text
from benchmarks.places import places
from benchmarks.sources import Origin, kept_sources, open_sources
from billing.ledger import credit_wallet
from buyers.models import Approval, Buyer
from leads.models import ConsentText, Source, Vertical
from leads.starting_verticals import load_verticals
from marketplace.prices.starting_curves import load_curves

WALLET_CENTS = 10**10
YOUNGEST = timedelta(days=2)
# Per thousand leads. Medicare is closed for resale: its leads exist but are not for sale.
TRADES = {
    "mortgage": 260,
    "auto-insurance": 180,
    "personal-loan": 140,
    "home-improvement": 110,
    "solar": 90,
    "life-insurance": 75,
    "health-insurance": 55,
    "home-insurance": 45,
    "auto-loan": 35,
    "medicare": 10,
}
LEGS_SHARES = (0.07, 0.1, 0.22, 0.27, 0.26, 0.05, 0.03)  # of 1 to 7 legs: 3.8 on average
ELSEWHERE_SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)  # sold 0 to 4 times before they came to us; at least one leg is left
PHONES = ("mobile", "landline", "unknown", "voip")
_PLACES = """
    CREATE SCHEMA IF NOT EXISTS benchmark;
    CREATE TABLE benchmark.place (number integer PRIMARY KEY, state varchar(2), postal_code varchar(5));
"""
_reserving = Lock()
_LEADS = """
    INSERT INTO leads_lead (id, public_id, vertical_id, schema_id, source_id, external_id, kind, captured_at,
        received_at, state, postal_code, phone_type, attributes, flags, legs_authorized, times_sold, legs_realtime,
        legs_left)
    SELECT drawn.id, gen_random_uuid(), (%(verticals)s::bigint[])[v], (%(schemas)s::bigint[])[v],
        (%(sources)s::bigint[])[s], 'b' || drawn.id, CASE WHEN (%(calls)s::bool[])[s] THEN 'call' ELSE 'form' END,
        asked_at, asked_at, place.state, CASE WHEN luck < 0.03 THEN '' ELSE place.postal_code END, phone,
        CASE v {answers} END,
        CASE WHEN luck > 0.95 THEN '{{email:is not a valid email address}}' ELSE '{{}}' END::varchar[],
        legs, elsewhere, %(realtime)s * (legs - elsewhere),
        (1 - %(realtime)s) * (%(resale)s::int[])[v] * (legs - elsewhere)
    FROM (
        SELECT once.*, now() - %(youngest)s - '1 day'::interval * (%(days)s::float8[])[v] * age AS asked_at,
            least((%(most)s::int[])[s], most_legs) AS legs,
            least((%(most)s::int[])[s] - 1, most_legs - 1, most_elsewhere) AS elsewhere
        FROM (
            SELECT %(first)s + n AS id, random() AS luck, {verticals} AS v, {sources} AS s, {legs} AS most_legs,
                {elsewhere} - 1 AS most_elsewhere, {phone} AS phone,
                %(place)s + floor(random() * %(places)s)::int AS number,
                CASE WHEN %(realtime)s = 1 THEN 1 - n / %(leads)s::float ELSE power(random(), 1.4) END AS age
            FROM generate_series(0, %(leads)s - 1) AS n
        ) AS once
    ) AS drawn JOIN benchmark.place ON place.number = drawn.number
"""
_DIGESTS = """
    INSERT INTO leads_contactdigest (lead_id, kind, digest)
    SELECT id, known.by, sha256(int8send(CASE known.by WHEN 'phone' THEN id ELSE -id END))
    FROM leads_lead CROSS JOIN unnest(ARRAY['phone', 'email']) AS known (by)
    WHERE id BETWEEN %(first)s AND %(last)s
"""
_CONTACTS = """
    INSERT INTO leads_contact (lead_id, sealed)
    SELECT id, '\\x00' FROM leads_lead WHERE id BETWEEN %(first)s AND %(last)s
"""
_CONSENTS = """
    INSERT INTO leads_consent (lead_id, text_id, given_at, page, trustedform_url, retained_until)
    SELECT lead.id, text.id, captured_at, 'https://' || source.site || '/ask',
        CASE WHEN proof < 0.38 THEN '' ELSE 'https://cert.trustedform.com/' || replace(public_id::text, '-', '') END,
        CASE WHEN proof < 0.38 THEN NULL
            WHEN proof < 0.6 THEN captured_at + interval '90 days'
            ELSE captured_at + interval '5 years' END::date
    FROM (SELECT *, random() AS proof FROM leads_lead WHERE id BETWEEN %(first)s AND %(last)s) AS lead
    JOIN leads_source AS source ON source.id = lead.source_id
    JOIN leads_consenttext AS text ON text.source_id = lead.source_id AND text.id = ANY(%(texts)s)
"""
_LEGS = """
    INSERT INTO leads_leg (lead_id, number, market, aged_at, status, closed_reason)
    SELECT lead.id, number, CASE WHEN aged THEN 'aged' ELSE 'realtime' END, CASE WHEN aged THEN lead.captured_at END,
        CASE WHEN aged OR open THEN 'open' ELSE 'closed' END,
        CASE WHEN aged OR open THEN '' WHEN number <= lead.times_sold THEN 'sold_elsewhere' ELSE 'not_for_resale' END
    FROM leads_lead AS lead CROSS JOIN generate_series(1, lead.legs_authorized) AS number
    CROSS JOIN LATERAL (
        SELECT number > lead.times_sold AND lead.legs_left > 0 AS aged,
            number > lead.times_sold AND lead.legs_realtime > 0 AS open
    ) AS leg
    WHERE lead.id BETWEEN %(first)s AND %(last)s
"""
_RESERVE = """
    SELECT setval(sequence, nextval(sequence) + %s - 1) - %s + 1
    FROM pg_get_serial_sequence('leads_lead', 'id') AS sequence
"""
_TELL = "INSERT INTO leads_change (leads) SELECT array_agg(id) FROM generate_series(%s, %s) AS id"
_buyers = itertools.count(1)


@dataclass(frozen=True)
class Market:
    origins: tuple[Origin, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(origin.source for origin in self.origins)

    @property
    def text(self) -> ConsentText:
        """The first source's consent text."""
        return self.origins[0].text

    def vertical(self, slug: str) -> Vertical:
        return Vertical.objects.get(slug=slug)

    @cached_property
    def trades(self) -> dict[Vertical, float]:
        """Return each vertical with its share."""
        return {self.vertical(slug): share for slug, share in TRADES.items()}


@dataclass(frozen=True)
class Lot:
    """Leads written together: their keys, without a gap."""

    first: int
    last: int


def open_market() -> Market:
    """Create verticals, curves, sources and places; on a kept stock, return the existing ones."""
    if kept := kept_sources():
        return Market(kept)
    load_verticals()
    load_curves(effective_at=timezone.now() - timedelta(days=1000))
    with connection.cursor() as cursor:
        cursor.execute(_PLACES)
        with cursor.copy("COPY benchmark.place FROM STDIN") as copy:
            for place in places():
                copy.write_row(place)
        cursor.execute("ANALYZE benchmark.place")
    return Market(open_sources())


def fill(
    market: Market,
    vertical: Vertical,
    leads: int,
    *,
    youngest: timedelta = YOUNGEST,
    span: timedelta = timedelta(days=700),
    state: str | None = None,
    realtime: bool = False,
) -> Lot:
    """Write this many leads of one vertical to the aged or the real-time market, captured within the span: aged ones in
    no order, as files bring them; real-time ones in order of capture."""
    with transaction.atomic():
        lot = write(Draw(market, {vertical: 1}, leads, youngest, span, state, realtime))
        tell(lot)
    return lot


@dataclass(frozen=True)
class Draw:
    """Leads to draw, and from what. ``span`` None: as long as each vertical can be sold."""

    market: Market
    trades: dict[Vertical, float]
    leads: int
    youngest: timedelta = YOUNGEST
    span: timedelta | None = None
    state: str | None = None
    realtime: bool = False

    @property
    def statement(self) -> str:
        whens = (
            f"WHEN {place} THEN {answers(vertical.schema)}".replace("%", "%%")
            for place, vertical in enumerate(self.trades, 1)
        )
        return _LEADS.format(
            answers=" ".join(whens),
            verticals=drawn_place(list(self.trades.values())),
            sources=drawn_place([origin.share for origin in self.market.origins]),
            legs=drawn_place(LEGS_SHARES),
            elsewhere=drawn_place(ELSEWHERE_SHARES),
            phone=drawn_text(PHONES),
        )

    @property
    def values(self) -> dict[str, Any]:
        return {
            **_of_verticals(list(self.trades), self.span),
            **_of_sources(self.market.origins),
            **_of_place(self.state),
            "leads": self.leads,
            "realtime": int(self.realtime),
            "youngest": self.youngest,
        }


@transaction.atomic
def write(draw: Draw) -> Lot:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        with _reserving:  # two statements in one: another connection's statement could come in between
            cursor.execute(_RESERVE, [draw.leads, draw.leads])
            (first,) = cursor.fetchone()
        lot = Lot(first, first + draw.leads - 1)
        values = {**draw.values, "first": lot.first, "last": lot.last}
        cursor.execute(draw.statement, values)
        assert cursor.rowcount == draw.leads, f"{cursor.rowcount} of {draw.leads} leads were drawn"
        for statement in (_DIGESTS, _CONTACTS, _CONSENTS, _LEGS):
            cursor.execute(statement, values)
    return lot


def tell(lot: Lot) -> None:
    """Announce the lot's leads in the change feed, because the triggers that would do it are disabled."""
    with connection.cursor() as cursor:
        cursor.execute(_TELL, [lot.first, lot.last])


@transaction.atomic
def empty(lot: Lot) -> None:
    """Delete a lot as if it had never existed; none of it may have been sold."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in ("leads_leg", "leads_consent", "leads_contactdigest", "leads_contact"):
            cursor.execute(f"DELETE FROM {table} WHERE lead_id BETWEEN %s AND %s", [lot.first, lot.last])
        cursor.execute("DELETE FROM leads_lead WHERE id BETWEEN %s AND %s", [lot.first, lot.last])
    tell(lot)


def _of_verticals(verticals: Sequence[Vertical], span: timedelta | None) -> dict[str, Any]:
    return {
        "verticals": [vertical.pk for vertical in verticals],
        "schemas": [vertical.newest_schema.pk for vertical in verticals if vertical.newest_schema],
        "resale": [int(vertical.open_for_resale) for vertical in verticals],
        "days": [(span or timedelta(days=vertical.shelf_life_days - 10)) / timedelta(days=1) for vertical in verticals],
    }


def _of_sources(origins: Sequence[Origin]) -> dict[str, Any]:
    return {
        "sources": [origin.source.pk for origin in origins],
        "calls": [origin.source.kind == "phone_call" for origin in origins],
        "most": [origin.text.most_companies for origin in origins],
        "texts": [origin.text.pk for origin in origins],
    }


def _of_place(state: str | None) -> dict[str, Any]:
    """Return the range of the places' numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(number), count(*) FROM benchmark.place WHERE state = %(state)s OR %(state)s IS NULL",
            {"state": state},
        )
        return dict(zip(("place", "places"), cursor.fetchone(), strict=True))


def new_buyer(*verticals: Vertical) -> Buyer:
    """Create a company approved for these verticals with more money than it can spend."""
    number = next(_buyers)
    buyer = Buyer.objects.create(
        legal_name=f"Buyer {number} Inc",
        trade="Lending",
        street="2 Main Street",
        city="Dayton",
        state="OH",
        postal_code="45402",
        phone="(937) 555-0101",
    )
    for vertical in verticals:
        Approval.objects.create(buyer=buyer, vertical=vertical, status="granted", decided_at=timezone.now())
    credit_wallet(
        buyer=buyer,
        cents=WALLET_CENTS,
        reference=f"benchmark-{buyer.pk}",
        memo="",
        actor="benchmarks",
        now=timezone.now(),
    )
    return buyer

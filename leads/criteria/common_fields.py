"""What can be asked of every lead, whatever its vertical: place, age, provenance, times sold, price."""

import re
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q

from leads.criteria.clauses import AllOf, Between, Near, OneOf
from leads.criteria.filter_fields import FilterField, column_in, column_span
from leads.listed import ListedLead
from leads.models.consent import LAPSING, Channel
from leads.models.lead import DAY, PhoneType
from leads.models.source import Grade, SourceKind
from leads.places import STATES

OLDEST_DAYS = 3650
PROOF = {"retained": "Retained", "lapsing": f"Lapses within {LAPSING.days} days", "lapsed": "Lapsed", "none": "None"}


def _age_q(clause: Between, now: datetime) -> Q:
    wanted = Q()
    if clause.low is not None:
        wanted &= Q(captured_at__lte=now - float(clause.low) * DAY)
    if clause.high is not None:
        wanted &= Q(captured_at__gt=now - (int(clause.high) + 1) * DAY)
    return wanted


def _proof_q(clause: OneOf, now: datetime) -> Q:
    today = now.date()
    readings = {
        "retained": Q(consent__retained_until__gt=today + LAPSING),
        "lapsing": Q(consent__retained_until__range=(today, today + LAPSING)),
        "lapsed": Q(consent__retained_until__lt=today),
        "none": Q(consent__retained_until=None),
    }
    return reduce(or_, (readings[value] for value in clause.values))


def _proof_of(lead: ListedLead, now: datetime) -> str:
    return lead.consent.proof_state(now)


def _prefix_q(clause: OneOf, now: datetime) -> Q:
    return reduce(or_, (Q(postal_code__startswith=prefix) for prefix in clause.values))


def _prefixes_of(lead: ListedLead, now: datetime) -> list[str]:
    return [lead.postal_code[:length] for length in range(1, len(lead.postal_code) + 1)]


def _channels_q(clause: AllOf, now: datetime) -> Q:
    return Q(consent__text__channels__contains=list(clause.values))


def _near_q(clause: Near, now: datetime) -> Q:
    return Q(postal_code__in=clause.area)


def _zip(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9]{5}", text) else None


def _zip_prefix(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9]{1,5}", text) else None


_WANTS = [
    FilterField("state", "State", "in", column_in("state"), lambda lead, now: lead.state, STATES, normalise=str.upper),
    FilterField(
        "postal_code", "ZIP", "in", column_in("postal_code"), lambda lead, now: lead.postal_code or None, normalise=_zip
    ),
    FilterField("zip_prefix", "ZIP begins with", "in", _prefix_q, _prefixes_of, normalise=_zip_prefix),
    FilterField("near", "Near a ZIP", "near", _near_q, lambda lead, now: lead.postal_code),
    FilterField(
        "age_days",
        "Age",
        "span",
        _age_q,
        lambda lead, now: lead.age_days(now),
        None,
        0,
        OLDEST_DAYS,
        "days",
        whole=True,
    ),
    FilterField(
        "times_sold",
        "Times sold",
        "span",
        column_span("times_sold"),
        lambda lead, now: lead.times_sold,
        None,
        0,
        20,
        whole=True,
    ),
    FilterField(
        "legs_left",
        "Legs left",
        "span",
        column_span("legs_left"),
        lambda lead, now: lead.legs_left,
        None,
        0,
        20,
        whole=True,
    ),
    FilterField(
        "phone_type", "Phone", "in", column_in("phone_type"), lambda lead, now: lead.phone_type, dict(PhoneType.choices)
    ),
    FilterField(
        "source_kind",
        "Source type",
        "in",
        column_in("source__kind"),
        lambda lead, now: lead.source.kind,
        dict(SourceKind.choices),
    ),
    FilterField(
        "grade",
        "Source grade",
        "in",
        column_in("source__grade"),
        lambda lead, now: lead.source.grade,
        dict(Grade.choices),
    ),
    FilterField(
        "incentive",
        "Incentivized",
        "is",
        lambda clause, now: Q(source__incentive=clause.answer),
        lambda lead, now: lead.source.incentive,
    ),
    FilterField("proof", "Proof of consent", "in", _proof_q, _proof_of, PROOF),
    FilterField(
        "channels", "Consent", "has", _channels_q, lambda lead, now: lead.consent.text.channels, dict(Channel.choices)
    ),
    FilterField(
        "price",
        "Price",
        "span",
        column_span("price_cents"),
        lambda lead, now: lead.price_cents,
        None,
        0,
        10_000_00,
        "cents",
        whole=True,
    ),
]
ENVELOPE: dict[str, FilterField] = {filter_field.name: filter_field for filter_field in _WANTS}

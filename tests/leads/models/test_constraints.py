"""What PostgreSQL refuses whoever asks: every named constraint and trigger of leads, hit past forms and verbs."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from leads.models import (
    ColumnMapping,
    Consent,
    ConsentText,
    Contact,
    FeedHorizon,
    FieldSchema,
    ImportRun,
    Lead,
    Leg,
    Reveal,
    Source,
    Suppression,
    Vertical,
)
from leads.models.contact import ContactDigest
from tests.factories import make_source, make_text
from tests.refusal import promised_names, refused_by, settle

pytestmark = pytest.mark.django_db

ATTEMPTS = {}
# They refuse nothing: tested where people are erased, legs are counted and the feed is told.
COUNTERS = {
    "contact_erased_forgets_digests",
    "leg_counts_on_insert",
    "leg_counts_on_update",
    "lead_is_told",
    "lead_change_is_told",
    "leg_hold_is_told",
    "source_change_is_told",
}


class Stock:
    """One lead with four aged legs, and everything around it."""

    def __init__(self, market):
        self.market = market
        self.lead = market.lead()
        self.leg = self.lead.legs.get(number=1)
        self.consent = self.lead.consent
        self.contact = self.lead.contact

    def bare_lead(self, **changes):
        """A lead alone, by the ORM, without consent or legs."""
        values = {
            "vertical": self.market.vertical,
            "schema": self.market.vertical.newest_schema,
            "source": self.market.source,
            "external_id": uuid.uuid4().hex,
            "captured_at": self.market.now,
            "received_at": self.market.now,
            "state": "OH",
            "legs_authorized": 4,
            **changes,
        }
        return Lead.objects.create(**values)

    def bare_consent(self, lead, **changes):
        values = {"text": self.market.text, "given_at": self.market.now, "page": "https://quotes.example/", **changes}
        return Consent.objects.create(lead=lead, **values)

    def proven_lead(self, **changes):
        """A lead with consent and no legs yet."""
        lead = self.bare_lead(**changes)
        self.bare_consent(lead)
        return lead


@pytest.fixture
def stock(market):
    return Stock(market)


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


def rows(model, row):
    return model.objects.filter(pk=row.pk)


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


# Legs
@attempt("leg_is_authorized")
def leg_n_plus_1(stock):
    Leg.objects.create(lead=stock.lead, number=5)


@attempt("leg_number_is_unique")
def leg_twice(stock):
    Leg.objects.create(lead=stock.lead, number=1)


@attempt("leg_number_from_1")
def leg_zero(stock):
    Leg.objects.create(lead=stock.proven_lead(), number=0)


@attempt("leg_needs_consent")
def leg_without_consent(stock):
    Leg.objects.create(lead=stock.bare_lead(), number=1)


@attempt("leg_needs_consent")
def leg_of_a_compiled_record(stock):
    Leg.objects.create(lead=stock.proven_lead(kind="compiled"), number=1)


@attempt("leg_needs_consent")
def leg_of_a_source_that_compiles(stock):
    lead = stock.proven_lead()
    rows(Source, stock.market.source).update(kind="compiled")
    Leg.objects.create(lead=lead, number=1)


@attempt("leg_aged_has_its_instant")
def leg_aged_without_instant(stock):
    Leg.objects.create(lead=stock.proven_lead(), number=1, market="aged")


@attempt("leg_aged_has_its_instant")
def leg_realtime_with_instant(stock):
    Leg.objects.create(lead=stock.proven_lead(), number=1, aged_at=stock.market.now)


@attempt("leg_closed_says_why")
def leg_closed_without_reason(stock):
    rows(Leg, stock.leg).update(status="closed")


@attempt("leg_closed_says_why")
def leg_open_with_reason(stock):
    rows(Leg, stock.leg).update(closed_reason="withdrawn")


HOLDER = "00000000-0000-4000-8000-000000000001"


@attempt("leg_held_says_for_whom_and_until_when")
def leg_held_for_nobody(stock):
    rows(Leg, stock.leg).update(status="held", held_until=stock.market.now)


@attempt("leg_held_says_for_whom_and_until_when")
def leg_held_for_ever(stock):
    rows(Leg, stock.leg).update(status="held", held_for=HOLDER)


@attempt("leg_held_says_for_whom_and_until_when")
def leg_of_the_realtime_market_held(stock):
    leg = Leg.objects.create(lead=stock.proven_lead(), number=1)
    rows(Leg, leg).update(status="held", held_for=HOLDER, held_until=stock.market.now)


@attempt("leg_open_is_held_by_nobody")
def leg_open_and_held(stock):
    rows(Leg, stock.leg).update(held_for=HOLDER, held_until=stock.market.now)


@attempt("leg_steps_are_allowed")
def leg_sold_held(stock):
    rows(Leg, stock.leg).update(status="sold")
    rows(Leg, stock.leg).update(status="held", held_for=HOLDER, held_until=stock.market.now)


@attempt("leg_steps_are_allowed")
def leg_sold_opened_again(stock):
    rows(Leg, stock.leg).update(status="sold")
    rows(Leg, stock.leg).update(status="open")


@attempt("leg_steps_are_allowed")
def leg_sold_closed(stock):
    rows(Leg, stock.leg).update(status="sold")
    rows(Leg, stock.leg).update(status="closed", closed_reason="expired")


@attempt("leg_steps_are_allowed")
def leg_closed_sold(stock):
    rows(Leg, stock.leg).update(status="closed", closed_reason="withdrawn")
    rows(Leg, stock.leg).update(status="sold", closed_reason="")


@attempt("leg_steps_are_allowed")
def leg_sold_altered(stock):
    rows(Leg, stock.leg).update(status="sold", ended_at=stock.market.now)
    rows(Leg, stock.leg).update(ended_at=stock.market.now + timedelta(days=1))


@attempt("leg_steps_are_allowed")
def leg_back_to_realtime(stock):
    rows(Leg, stock.leg).update(market="realtime", aged_at=None)


@attempt("leg_steps_are_allowed")
def leg_aged_again(stock):
    rows(Leg, stock.leg).update(aged_at=stock.market.now + timedelta(days=1))


@attempt("leg_steps_are_allowed")
def leg_renumbered(stock):
    rows(Leg, stock.leg).update(number=9)


@attempt("leg_steps_are_allowed")
def leg_moved_to_another_lead(stock):
    rows(Leg, stock.leg).update(lead=stock.proven_lead())


@attempt("leg_is_never_deleted")
def leg_deleted(stock):
    rows(Leg, stock.leg).delete()


# Leads
@attempt("lead_is_captured_once")
def lead_twice(stock):
    stock.bare_lead(external_id=stock.lead.external_id)


@attempt("lead_legs_1_to_20")
def lead_without_legs(stock):
    stock.bare_lead(legs_authorized=0)


@attempt("lead_legs_1_to_20")
def lead_of_21_legs(stock):
    stock.bare_lead(legs_authorized=21)


@attempt("lead_kind_is_known")
def lead_of_no_kind(stock):
    stock.bare_lead(kind="rumour")


@attempt("lead_state_is_two_letters")
def lead_of_no_state(stock):
    stock.bare_lead(state="oh")


@attempt("lead_postal_code_is_five_digits")
def lead_of_half_a_zip(stock):
    stock.bare_lead(postal_code="4540")


@attempt("lead_is_not_from_the_future")
def lead_from_the_future(stock):
    stock.bare_lead(captured_at=stock.market.now + timedelta(minutes=5, seconds=1))


@attempt("lead_is_not_its_own_duplicate")
def lead_its_own_duplicate(stock):
    number = stock.lead.pk + 1_000_000
    stock.bare_lead(pk=number, duplicate_of_id=number)


@attempt("lead_is_never_sold_over_its_legs")
def lead_sold_over_its_legs(stock):
    rows(Lead, stock.lead).update(times_sold=5)


@attempt("lead_is_never_deleted")
def lead_deleted(stock):
    sql("DELETE FROM leads_lead WHERE id = %s", stock.bare_lead().pk)


@attempt("lead_terms_are_fixed")
def lead_captured_later(stock):
    rows(Lead, stock.lead).update(captured_at=F("captured_at") + timedelta(days=1))


@attempt("lead_terms_are_fixed")
def lead_of_another_vertical(stock):
    rows(Lead, stock.lead).update(vertical=Vertical.objects.create(slug="solar", name="Solar", trade="Solar"))


@attempt("lead_terms_are_fixed")
def lead_of_another_source(stock):
    rows(Lead, stock.lead).update(source=make_source())


@attempt("lead_terms_are_fixed")
def lead_under_another_id(stock):
    rows(Lead, stock.lead).update(public_id=uuid.uuid4())


@attempt("lead_terms_are_fixed")
def lead_with_more_legs(stock):
    rows(Lead, stock.lead).update(legs_authorized=5)


@attempt("lead_terms_are_fixed")
def lead_of_another_request(stock):
    rows(Lead, stock.lead).update(duplicate_of=stock.bare_lead())


@attempt("lead_terms_are_fixed")
def lead_whose_stop_is_taken_back(stock):
    rows(Lead, stock.lead).update(withdrawn_at=stock.market.now)
    rows(Lead, stock.lead).update(withdrawn_at=None)


# Consent
@attempt("consent_text_version_is_unique")
def text_twice(stock):
    make_text(stock.market.source)


@attempt("consent_text_companies_1_to_20")
def text_for_nobody(stock):
    make_text(stock.market.source, most_companies=0, version="v4")


@attempt("consent_text_companies_1_to_20")
def text_for_everybody(stock):
    make_text(stock.market.source, most_companies=21, version="v4")


@attempt("consent_text_covers_a_channel")
def text_without_channel(stock):
    make_text(stock.market.source, version="v4", channels=())


@attempt("consent_text_is_immutable")
def text_reworded(stock):
    rows(ConsentText, stock.market.text).update(wording="Anybody may call.")


@attempt("consent_text_is_immutable")
def text_deleted(stock):
    make_text(stock.market.source, version="v4").delete()


@attempt("consent_allows_the_legs")
def consent_to_fewer_companies(stock):
    text = make_text(stock.market.source, most_companies=3, version="v4")
    stock.bare_consent(stock.bare_lead(), text=text)


@attempt("consent_is_to_its_source")
def consent_to_the_words_of_another_source(stock):
    stock.bare_consent(stock.bare_lead(), text=make_text(make_source()))


@attempt("consent_is_to_its_source")
def consent_to_a_source_that_compiles(stock):
    rows(Source, stock.market.source).update(kind="compiled")
    stock.bare_consent(stock.bare_lead())


@attempt("consent_certificate_used_once")
def certificate_twice(stock):
    for _ in range(2):
        stock.bare_consent(stock.bare_lead(), trustedform_url="https://cert.trustedform.com/abc")


@attempt("consent_is_immutable")
def consent_backdated(stock):
    rows(Consent, stock.consent).update(given_at=stock.market.now - timedelta(days=900))


@attempt("consent_is_immutable")
def consent_with_another_machine_under_the_same_key(stock):
    kept = bytes(stock.consent.sealed_machine)
    rows(Consent, stock.consent).update(sealed_machine=kept[:1] + bytes(40))


@attempt("consent_is_immutable")
def consent_without_its_machine(stock):
    rows(Consent, stock.consent).update(sealed_machine=None)


@attempt("consent_is_never_deleted")
def consent_deleted(stock):
    rows(Consent, stock.consent).delete()


# People
@attempt("contact_is_whole_or_erased")
def contact_half_erased(stock):
    rows(Contact, stock.contact).update(erased_at=stock.market.now)


@attempt("digest_of_nobody_erased")
def digest_of_an_erased_contact(stock):
    rows(Contact, stock.contact).update(erased_at=stock.market.now, sealed=None)
    ContactDigest.objects.create(lead=stock.lead, kind="phone", digest=b"1" * 32)


@attempt("digest_kind_is_known")
def digest_of_a_street(stock):
    ContactDigest.objects.create(lead=stock.lead, kind="road", digest=b"1" * 32)


@attempt("digest_is_never_changed")
def digest_moved_to_another_person(stock):
    stock.lead.digests.update(digest=b"1" * 32)


@attempt("contact_is_whole_or_erased")
def contact_emptied_in_silence(stock):
    rows(Contact, stock.contact).update(sealed=None)


@attempt("contact_can_be_reached")
def contact_of_nobody(stock):
    lead = stock.bare_lead()
    Contact.objects.create(lead=lead, sealed=b"sealed")


@attempt("digest_stays_while_needed")
def contact_whose_digests_are_gone(stock):
    stock.lead.digests.all().delete()


@attempt("contact_is_never_deleted")
def contact_deleted(stock):
    rows(Contact, stock.contact).delete()


@attempt("suppression_is_unique")
def suppression_twice(stock):
    for _ in range(2):
        Suppression.objects.create(kind="phone", digest=b"1" * 32, reason="dnc")


@attempt("suppression_is_never_changed")
def suppression_changed(stock):
    Suppression.objects.create(kind="phone", digest=b"1" * 32, reason="own_stop")
    Suppression.objects.update(reason="drop")


@attempt("reveal_gives_a_reason")
def reveal_without_reason(stock):
    Reveal.objects.create(lead=stock.lead, actor="desk@example.com", reason="")


@attempt("reveal_is_immutable")
def reveal_reworded(stock):
    Reveal.objects.create(lead=stock.lead, actor="desk@example.com", reason="A complaint")
    Reveal.objects.update(reason="Nothing")


@attempt("reveal_is_immutable")
def reveal_deleted(stock):
    Reveal.objects.create(lead=stock.lead, actor="desk@example.com", reason="A complaint").delete()


# Verticals, sources, imports
@attempt("vertical_window_is_positive")
def vertical_without_window(stock):
    rows(Vertical, stock.market.vertical).update(window_minutes=0)


@attempt("vertical_legs_1_to_20")
def vertical_without_legs(stock):
    rows(Vertical, stock.market.vertical).update(default_legs=0)


@attempt("vertical_retention_covers_shelf_life")
def vertical_that_forgets_what_it_sells(stock):
    rows(Vertical, stock.market.vertical).update(retention_days=729)


@attempt("schema_version_is_unique")
def schema_twice(stock):
    FieldSchema.objects.create(vertical=stock.market.vertical, version=1, fields=[])


@attempt("schema_version_from_1")
def schema_zero(stock):
    FieldSchema.objects.create(vertical=stock.market.vertical, version=0, fields=[])


@attempt("schema_is_immutable")
def schema_changed(stock):
    FieldSchema.objects.update(fields=[])


@attempt("schema_is_immutable")
def schema_deleted(stock):
    FieldSchema.objects.create(vertical=stock.market.vertical, version=2, fields=[]).delete()


@attempt("source_grade_is_known")
def source_graded_z(stock):
    rows(Source, stock.market.source).update(grade="Z")


@attempt("source_payout_at_most_all")
def source_paid_more_than_all(stock):
    rows(Source, stock.market.source).update(payout_percent=101)


@attempt("source_rewarded_is_never_graded_well")
def source_rewarded(stock):
    rows(Source, stock.market.source).update(incentive=True)


def make_run(stock, **changes):
    values = {"file_name": "a.csv", "file_sha256": "0" * 64, "file_bytes": 1, **changes}
    return ImportRun.objects.create(source=stock.market.source, vertical=stock.market.vertical, **values)


@attempt("import_accounts_for_every_row")
def import_that_loses_a_row(stock):
    make_run(stock, rows_read=3, taken=1, refused=1)


@attempt("column_mapping_is_unique")
def mapping_twice(stock):
    for _ in range(2):
        ColumnMapping.objects.create(source=stock.market.source, vertical=stock.market.vertical, columns={})


@attempt("feed_has_one_horizon")
def a_second_horizon(stock):
    FeedHorizon.objects.create(pk=2, forgotten="1", reached="1")


CASES = [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_the_database_refuses(stock, name, act):
    with refused_by(name):
        act(stock)


def test_every_named_constraint_and_trigger_is_tried():
    assert promised_names("leads") - COUNTERS == set(ATTEMPTS) - {"leg_needs_consent", "consent_is_to_its_source"}


def test_what_is_allowed_passes(stock):
    rows(Leg, stock.leg).update(status="sold", ended_at=stock.market.now)
    rows(Lead, stock.lead).update(withdrawn_at=stock.market.now)
    rows(Lead, stock.lead).update(attributes={}, flags=["x:y"])
    make_run(stock, rows_read=4, taken=1, refused=1, flagged=1, duplicates=1)
    settle()

"""Prices in the admin: drafts can be edited, curves in effect cannot; orders and files are read-only."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from marketplace.admin.curve import draft_from
from marketplace.models import Download, Export, Order, PriceCurve, Sale
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from tests.factories import TIERS, make_curve, make_user, make_vertical
from tests.refusal import everything

pytestmark = pytest.mark.django_db
LIST = "/admin/marketplace/pricecurve/"


@pytest.fixture
def desk(client):
    client.force_login(make_user("desk@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def draft(market):
    return make_curve(market.vertical, effective_at=timezone.now() + timedelta(days=3))


def form(curve=None, *, tiers=TIERS, volume=((500, "0.95"),), **changes):
    """Return what the page sends: the curve, its tiers, its volume steps."""
    known = {"tiers": list(curve.tiers.all()), "volume_steps": list(curve.volume_steps.all())} if curve else {}
    data = {
        "effective_at_0": "2090-01-01",
        "effective_at_1": "00:00:00",
        "floor_cents": 10,
        "grade_a": "1.2",
        "grade_b": "1",
        "grade_c": "0.8",
        "grade_d": "0.5",
        "exclusive": "3",
        **changes,
    }
    for prefix, names, steps in (
        ("tiers", ("from_day", "cents"), tiers),
        ("volume_steps", ("from_quantity", "multiplier"), volume),
    ):
        rows = known.get(prefix, [])
        data |= {f"{prefix}-TOTAL_FORMS": max(len(steps), len(rows)), f"{prefix}-INITIAL_FORMS": len(rows)}
        for number, row in enumerate(rows):
            data |= {f"{prefix}-{number}-id": row.pk, f"{prefix}-{number}-curve": curve.pk}
        for number, step in enumerate(steps):
            data |= {f"{prefix}-{number}-{name}": value for name, value in zip(names, step, strict=True)}
    return data


def steps(curve):
    return list(curve.tiers.order_by("from_day").values_list("from_day", "cents"))


def change(curve):
    return f"{LIST}{curve.pk}/change/"


def test_a_curve_is_added_with_its_steps_and_the_next_version(desk, market):
    response = desk.post(f"{LIST}add/", form(vertical=market.vertical.pk, tiers=[(0, 400), (30, 100)]))

    assert response.status_code == 302
    curve = PriceCurve.objects.get(version=2)
    assert (curve.vertical, curve.effective_at) == (market.vertical, datetime(2090, 1, 1, tzinfo=UTC))
    assert steps(curve) == [(0, 400), (30, 100)]
    assert list(curve.volume_steps.values_list("from_quantity", "multiplier")) == [(500, Decimal("0.950"))]


def test_the_first_curve_of_a_vertical_is_version_1(desk, db):
    vertical = make_vertical("solar")

    desk.post(f"{LIST}add/", form(vertical=vertical.pk))

    assert vertical.curves.get().version == 1


def test_a_draft_is_edited(desk, draft):
    tiers = [(0, 600), *TIERS[1:]]

    response = desk.post(change(draft), form(draft, tiers=tiers, note="Dearer"))

    assert response.status_code == 302
    draft.refresh_from_db()
    assert (draft.note, draft.version, steps(draft)) == ("Dearer", 2, tiers)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tiers": [(0, 400), (30, 401)]}, "Lower the price from day 30 on. Prices can only fall with age."),
        ({"tiers": [(30, 401), (0, 400)]}, "Lower the price from day 30 on. Prices can only fall with age."),
        ({"tiers": [(0, 400), (0, 300)]}, "Please correct the duplicate"),
        ({"tiers": []}, "Add at least one tier."),
        ({"tiers": [(0, 0)]}, "tier_is_at_least_a_cent"),
        ({"volume": [(1, "0.9")]}, "volume_starts_at_two"),
        ({"volume": [(500, "1.1")]}, "volume_is_a_discount"),
        ({"effective_at_0": "2020-01-01"}, "Enter a time in the future."),
        ({"grade_c": "1.1"}, "Enter a multiplier no higher than the next better grade"),
        ({"exclusive": "0.9"}, "An exclusive lead cannot cost less than a shared one."),
        ({"floor_cents": 0}, "greater than or equal to 1"),
        ({"grade_a": "1e9"}, "digit"),
    ],
)
def test_a_curve_that_makes_no_sense_comes_back_with_a_sentence(desk, market, changes, sentence):
    before = everything()

    response = desk.post(f"{LIST}add/", form(vertical=market.vertical.pk, **changes))

    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert everything() == before


def test_two_versions_do_not_begin_at_one_instant(desk, market):
    make_curve(market.vertical, effective_at=datetime(2090, 1, 1, tzinfo=UTC))

    response = desk.post(f"{LIST}add/", form(vertical=market.vertical.pk))

    assert "Another version takes effect at this time." in response.content.decode()
    assert PriceCurve.objects.count() == 2


def test_a_curve_that_took_effect_is_read_only(desk, market):
    before = everything()

    text = desk.get(change(market.curve)).content.decode()
    response = desk.post(change(market.curve), form(market.curve))

    assert response.status_code == 403
    assert everything() == before
    assert f"{LIST}{market.curve.pk}/new-version/" in text
    assert 'name="tiers-0-cents"' not in text


def test_what_only_the_database_sees_comes_back_as_a_sentence(desk, draft, monkeypatch):
    def took_effect(*args, **kwargs):
        raise IntegrityError("a curve that took effect is history")

    monkeypatch.setattr("marketplace.admin.curve.PriceCurveAdmin.save_model", took_effect)

    response = desk.post(change(draft), form(draft), follow=True)

    assert response.redirect_chain == [(change(draft), 302)]
    assert "Nothing was saved: the curve took effect" in response.content.decode()


def test_a_new_version_is_a_draft_copy_from_tomorrow_midnight(desk, market):
    response = desk.post(f"{LIST}{market.curve.pk}/new-version/")

    copy = PriceCurve.objects.get(version=2)
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert response["Location"] == change(copy)
    assert copy.effective_at == today + timedelta(days=1)
    assert (copy.floor_cents, copy.grade_a, copy.exclusive) == (10, Decimal("1.200"), Decimal("3.000"))
    assert steps(copy) == TIERS
    assert list(copy.volume_steps.values_list("from_quantity", "multiplier")) == [(500, Decimal("0.950"))]
    assert desk.get(change(copy)).status_code == 200


def test_a_second_draft_begins_at_the_next_free_midnight(market):
    now = datetime(2080, 5, 1, 0, 0, tzinfo=UTC)

    drafts = [draft_from(market.curve, now=now) for _ in range(2)]

    assert [draft.effective_at for draft in drafts] == [datetime(2080, 5, day, tzinfo=UTC) for day in (2, 3)]
    assert [draft.version for draft in drafts] == [2, 3]


def test_looking_at_the_address_makes_no_version(desk, market):
    assert desk.get(f"{LIST}{market.curve.pk}/new-version/").status_code == 405
    assert PriceCurve.objects.count() == 1


def test_staff_who_may_only_look_make_no_version(client, market, draft):
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_pricecurve"))
    client.force_login(user)
    before = everything()

    assert client.get(change(draft)).status_code == 200
    assert client.post(f"{LIST}{market.curve.pk}/new-version/").status_code == 403
    assert client.post(change(draft), form(draft)).status_code == 403

    assert everything() == before


def test_a_curve_is_never_deleted(desk, draft):
    assert desk.post(f"{LIST}{draft.pk}/delete/", {"post": "yes"}).status_code == 403
    assert PriceCurve.objects.filter(pk=draft.pk).exists()


def test_orders_sales_and_files_are_read_only(desk, market):
    lead = market.lead()
    token = token_of(quote(NamedLeads((lead.public_id,)), buyer=market.buyer, now=market.now))
    order = place_order(OrderAttempt(market.buyer, market.user, token, "k", False, market.now))
    Export.objects.create(order=order, preset="plain", columns=["phone"])
    Download.objects.create(order=order, user=market.user, preset="plain", format="csv", rows=1)
    before = everything()

    for model in (Order, Sale, Export, Download):
        name = f"admin:marketplace_{model.__name__.lower()}"
        row = model.objects.get()
        assert desk.get(reverse(f"{name}_changelist"), {"q": str(order.public_id)}).context["cl"].result_count == 1
        assert desk.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
        assert desk.post(reverse(f"{name}_change", args=[row.pk]), {"rows": 0}).status_code == 403
        assert desk.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert desk.get(reverse(f"{name}_add")).status_code == 403

    assert everything() == before


def test_an_order_shows_dollars_and_no_person(desk, market):
    lead = market.lead()
    token = token_of(quote(NamedLeads((lead.public_id,)), buyer=market.buyer, now=market.now))
    order = place_order(OrderAttempt(market.buyer, market.user, token, "k", False, market.now))

    text = desk.get(reverse("admin:marketplace_order_change", args=[order.pk])).content.decode()

    assert "$2.20" in text
    assert lead.contact.open(str(lead.public_id)).email not in text


def test_the_history_of_a_curve_is_shown(desk, market):
    response = desk.get(
        reverse("admin:pghistory_middlewareevents_changelist"),
        {"obj": f"marketplace.PriceCurve:{market.curve.pk}", "method": "tracks"},
    )

    assert response.context["cl"].result_count == 1

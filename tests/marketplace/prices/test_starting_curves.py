from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from leads.models import Vertical
from leads.starting_verticals import load_verticals, read_catalogue
from marketplace.models import PriceCurve
from marketplace.prices.starting_curves import load_curves, read_curves

CURVES = read_curves()["curves"]
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
each_curve = pytest.mark.parametrize("slug", CURVES)


def test_every_vertical_has_a_starting_curve():
    assert list(CURVES) == [entry["slug"] for entry in read_catalogue()]


def test_mortgage_starts_on_its_own_staircase():
    assert CURVES["mortgage"]["tiers"] == [
        [0, 500], [4, 420], [8, 350], [15, 275], [31, 220], [46, 165], [61, 135], [86, 100], [121, 80], [181, 60],
        [271, 45], [366, 35],
    ]  # fmt: skip


@each_curve
def test_prices_only_fall_from_the_first_day_on(slug):
    days = [day for day, _ in CURVES[slug]["tiers"]]
    cents = [cents for _, cents in CURVES[slug]["tiers"]]

    assert days[0] == 0
    assert days == sorted(set(days))
    assert cents == sorted(set(cents), reverse=True)
    assert CURVES[slug]["floor_cents"] <= cents[-1]


@each_curve
def test_prices_are_the_published_ones_at_the_ages_that_have_one(slug):
    steps = CURVES[slug]["tiers"]

    at = {age: [cents for day, cents in steps if day <= int(age)][-1] for age in CURVES[slug]["published"]}

    assert at == CURVES[slug]["published"]


@pytest.mark.parametrize(
    ("slug", "age", "median_cents"),
    [
        ("solar", 58, 800),
        ("home-improvement", 58, 105),
        ("personal-loan", 58, 400),
        ("medicare", 58, 400),
        ("life-insurance", 133, 100),
    ],
)
def test_the_medians_of_the_index_are_among_the_published_prices(slug, age, median_cents):
    assert CURVES[slug]["published"][str(age)] == median_cents


@pytest.mark.django_db
def test_loading_makes_a_curve_for_each_vertical_once():
    load_verticals()

    first, again = load_curves(effective_at=SINCE), load_curves(effective_at=SINCE)

    solar = PriceCurve.objects.get(vertical__slug="solar")
    assert (len(first), again, PriceCurve.objects.count()) == (10, [], 10)
    assert (solar.version, solar.effective_at, solar.floor_cents) == (1, SINCE, 25)
    assert (solar.grade_a, solar.grade_d, solar.exclusive) == (Decimal("1.2"), Decimal("0.5"), 3)
    assert [list(step) for step in solar.tiers.values_list("from_day", "cents")] == CURVES["solar"]["tiers"]
    assert list(solar.volume_steps.values_list("from_quantity", "multiplier")) == [
        (500, Decimal("0.95")),
        (2_000, Decimal("0.9")),
        (10_000, Decimal("0.85")),
    ]


@pytest.mark.django_db
def test_a_vertical_with_a_curve_keeps_it():
    load_verticals()
    own = PriceCurve.objects.create(
        vertical=Vertical.objects.get(slug="solar"), version=1, effective_at=SINCE, floor_cents=7
    )

    load_curves(effective_at=SINCE)

    assert list(PriceCurve.objects.filter(vertical__slug="solar")) == [own]


@pytest.mark.django_db
def test_the_command_loads_verticals_and_prices_that_hold_at_once(capsys):
    call_command("load_catalogue")

    assert Vertical.objects.count() == 10
    assert PriceCurve.objects.in_force(timezone.now()).count() == 10
    assert len(capsys.readouterr().out.splitlines()) == 30

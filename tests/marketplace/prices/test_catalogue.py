"""The verticals, their fields and their curves in one question: what the querysets' words say, and no more."""

from datetime import timedelta

import pytest

from leads.models import Vertical
from leads.models.vertical import add_schema_version
from marketplace.models import PriceCurve
from marketplace.prices.catalogue import read_catalogue
from marketplace.prices.pricing import NoCurve, curve_in_force
from tests.factories import make_curve, make_vertical

pytestmark = pytest.mark.django_db


def test_it_says_what_the_querysets_say(market):
    add_schema_version(market.vertical, [{"name": "roof", "label": "Roof", "type": "flag", "filterable": True}])
    solar = make_vertical("solar", position=1)
    closed = make_vertical("medicare", open_for_resale=False)
    make_curve(solar, effective_at=market.now - timedelta(days=3))
    make_curve(solar, effective_at=market.now - timedelta(days=1))
    make_curve(solar, effective_at=market.now + timedelta(days=1))

    found = read_catalogue(market.now)

    known = list(Vertical.objects.with_newest_schema().order_by("position", "name"))
    assert list(found.verticals) == known
    assert [one.newest_schema_id for one in found.verticals] == [one.newest_schema_id for one in known]
    assert found.named("solar") == solar
    assert found.named("medicare") == closed
    assert found.named("no-such") is None
    assert found.curve_of(solar) == curve_in_force(solar, market.now)
    assert found.curve_of(solar).version == 2
    assert [field.name for field in found.named("mortgage").schema] == ["roof"]


def test_a_vertical_without_prices_has_no_curve(market):
    bare = make_vertical("solar")
    assert not PriceCurve.objects.filter(vertical=bare).exists()

    with pytest.raises(NoCurve):
        read_catalogue(market.now).curve_of(bare)


def test_it_is_one_question(market, django_assert_num_queries):
    found = read_catalogue(market.now)
    assert found.named("mortgage").schema
    assert found.curve_of(market.vertical)

    with django_assert_num_queries(1):
        again = read_catalogue(market.now)
        assert again.named("mortgage").schema
        assert again.curve_of(again.named("mortgage"))

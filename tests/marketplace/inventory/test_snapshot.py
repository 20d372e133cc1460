"""Snapshots: the same stock again from a file, and none from a file that is not whole."""

import io
import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, transaction
from django.utils import timezone

from leads.criteria.criteria import Criteria
from leads.models import Vertical
from leads.models.vertical import add_schema_version
from marketplace.inventory import builder, live, startup
from marketplace.inventory.facets import counts_of
from marketplace.inventory.layout import Layout
from marketplace.inventory.pages import best
from marketplace.inventory.query import Sort
from marketplace.inventory.startup import NotReady
from marketplace.models import InventorySnapshot, Order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import Selection
from tests.factories import FIELDS, make_leads, make_market
from tests.leads.criteria.test_criteria import random_leads, with_proof
from tests.marketplace.inventory.test_readings import VALUES, fields_of, in_database, in_memory, look_at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_shelf_is_large(monkeypatch, settings, tmp_path):
    """So that nobody reads a stock for himself."""
    monkeypatch.setattr(startup, "SMALL", 0)
    settings.VAR_DIR = tmp_path
    files = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "inventory")},
    }
    settings.STORAGES = {**settings.STORAGES, "inventory": files}


class Bucket(Storage):
    """Files that have no path here."""

    def __init__(self):
        self.files = {}

    def _open(self, name, mode="rb"):
        return File(io.BytesIO(self.files[name]), name)

    def _save(self, name, content):
        self.files[name] = content.read()
        return name

    def exists(self, name):
        return name in self.files

    def size(self, name):
        return len(self.files[name])


def file_of(row):
    return Path(storages["inventory"].path(row.name))


def counted(query):
    with live.result_of(query) as result:
        return counts_of(result)


def test_a_process_answers_from_the_file_as_from_the_database(market, monkeypatch):
    with_proof(random_leads(market, 60), market)
    looks = [
        look_at(market),
        look_at(market, [{"field": "near", "zip": "45402", "miles": 250}, {"field": "rate", "max": 3.5}]),
        look_at(market, [{"field": "property_value", "min": 100_000}, {"field": "proof", "in": ["none"]}]),
        look_at(market, [{"field": "zip_prefix", "in": ["4", "902"]}, {"field": "needed_by", "min": "2026-06-01"}]),
    ]
    with monkeypatch.context() as small:
        small.setattr(startup, "SMALL", 100)
        expected = [counted(query) for query in looks]

    row = builder.build()
    live.forget()

    assert [counted(query) for query in looks] == expected
    assert [in_memory(query) for query in looks] == [in_database(query) for query in looks]
    assert best(looks[0], Sort.CHEAPEST, 9) == best(looks[0], Sort.CHEAPEST, 60)[:9]
    row.refresh_from_db()
    assert (row.status, row.leads_total, row.percent) == ("ready", looks[0].matches().count(), 0)
    assert row.size == file_of(row).stat().st_size
    assert list(file_of(row).parent.glob("*.part")) == []


def test_what_happened_since_the_snapshot_is_taken_in(market):
    old, sold = market.leads(2)
    builder.build()
    new = market.lead(state="TX")
    sold.legs.update(status="sold", ended_at=market.now)

    assert in_memory(look_at(market)) == {old.pk, new.pk}
    assert in_memory(look_at(market, [{"field": "state", "in": ["TX"]}])) == {new.pk}


@pytest.mark.parametrize("seed", range(40))
def test_a_file_cut_or_altered_anywhere_is_never_used_and_built_anew(market, seed):
    dice = random.Random(seed)
    market.leads(3)
    row = builder.build()
    whole = file_of(row).read_bytes()
    place = dice.randrange(len(whole))
    damaged = (
        whole[:place]
        if seed % 2
        else whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :]
    )
    file_of(row).write_bytes(damaged)

    with pytest.raises(NotReady):
        in_memory(look_at(market))

    row.refresh_from_db()
    assert row.status == "damaged"
    assert builder.build_due().pk > row.pk
    live.forget()
    assert len(in_memory(look_at(market))) == 3


def test_a_damaged_file_leaves_the_one_before(market):
    market.leads(2)
    before, newest = builder.build(), builder.build()
    file_of(newest).write_bytes(b"RMSHELF1 and nothing of it")
    market.lead()

    assert len(in_memory(look_at(market))) == 3
    found = dict(InventorySnapshot.objects.values_list("pk", "status"))
    assert found == {before.pk: "ready", newest.pk: "damaged"}


def test_a_file_that_is_not_on_this_host_is_passed_over_and_built_anew_where_it_was_built(market):
    market.leads(2)
    before, newest = builder.build(), builder.build()
    assert not builder.is_due(timezone.now())
    file_of(newest).unlink()

    assert len(in_memory(look_at(market))) == 2
    assert live._inventory._snapshot == before.pk
    assert InventorySnapshot.objects.get(pk=newest.pk).status == "ready"
    assert builder.is_due(timezone.now())


def test_storage_that_fails_is_no_failure_of_a_page(market, client, monkeypatch):
    market.lead()
    builder.build()

    def unreachable(*_):
        raise ConnectionError("no route to the bucket")

    monkeypatch.setattr(startup, "_local", unreachable)

    assert client.get("/mortgage/").status_code == 503
    assert client.get("/accounts/login/").status_code == 200


def test_a_builder_that_was_given_up_keeps_no_file(market, monkeypatch):
    market.lead()
    keep = builder._keep

    def slow(part, name):
        keep(part, name)
        InventorySnapshot.objects.update(status="failed")

    monkeypatch.setattr(builder, "_keep", slow)

    row = builder.build()

    assert row.status == "failed"
    assert not file_of(row).exists()


def test_a_file_with_other_columns_is_not_used(market, monkeypatch):
    market.lead()
    builder.build()
    monkeypatch.setattr(Layout, "signature", "of another release")

    with pytest.raises(NotReady):
        in_memory(look_at(market))


def test_a_process_that_began_with_a_small_shelf_takes_a_snapshot_when_it_grew(market, monkeypatch):
    monkeypatch.setattr(startup, "SMALL", 2)
    monkeypatch.setattr(live, "FEW_LATE", 1)
    monkeypatch.setattr(live, "MOST_LATE", 2)
    monkeypatch.setattr(live, "LOOK_EVERY", 0)
    monkeypatch.setattr(live.Inventory, "_load_aside", lambda self: self._load())
    monkeypatch.setattr(live, "connections", type("None of ours", (), {"close_all": staticmethod(lambda: None)}))
    query = look_at(market)
    in_memory(query)
    market.leads(5)
    in_memory(query)
    builder.build()
    for _ in range(2):
        in_memory(query)

    with live.result_of(query) as result:
        assert (len(result.stock.ids.base), len(result.stock.late), len(result.matching)) == (5, 0, 5)


def test_without_a_snapshot_a_full_shelf_says_how_far_the_count_is(market, client):
    market.leads(2)
    now = timezone.now()
    InventorySnapshot.objects.create(name="x", cursor="1:1:", leads_total=8, leads_done=2, started_at=now, told_at=now)

    page = client.get("/mortgage/")

    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert 'value="25"' in page.content.decode()
    assert client.get("/").status_code == 200
    assert "being counted" in client.get("/").content.decode()


def test_an_order_that_is_sent_meanwhile_is_not_placed_and_says_so(market, client):
    market.leads(2)
    builder.build()
    order_request = Selection(Criteria.anything(market.vertical), 2)
    token = token_of(quote(order_request, buyer=market.buyer, now=timezone.now()))
    InventorySnapshot.objects.all().delete()
    live.forget()

    client.force_login(market.user)

    page = client.post("/checkout/", {"quote": token, "idempotency_key": "k1"})

    assert page.status_code == 503
    assert "nothing was bought" in page.content.decode()
    assert 'http-equiv="refresh"' not in page.content.decode()
    assert "HX-Refresh" not in page
    assert not Order.objects.exists()


def test_the_page_comes_as_soon_as_the_snapshot_does(market, client, monkeypatch):
    market.leads(2)
    monkeypatch.setattr(live, "LOOK_EVERY", 0)
    assert client.get("/mortgage/").status_code == 503

    builder.build()

    assert client.get("/mortgage/").status_code == 200


def test_a_builder_at_work_keeps_others_out_until_it_falls_silent(market):
    market.leads(2)
    now = timezone.now()
    first = InventorySnapshot.objects.create(name="x", cursor="1:1:", started_at=now, told_at=now)

    assert builder.build() is None
    assert builder.build_due() is None
    built = builder.build_due(clock=lambda: now + timedelta(minutes=6))

    first.refresh_from_db()
    assert (first.status, built.status) == ("failed", "ready")
    with pytest.raises(IntegrityError, match="snapshot_one_is_built_at_once"), transaction.atomic():
        for name in ("y", "z"):
            InventorySnapshot.objects.create(name=name, cursor="1:1:", started_at=now, told_at=now)


def test_a_failed_build_leaves_no_file_and_says_so(market, monkeypatch):
    market.lead()

    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(builder.snapshot.Writer, "close", broken)
    with pytest.raises(OSError, match="no space left"):
        builder.build()

    row = InventorySnapshot.objects.get()
    assert (row.status, row.problem, row.sha256) == ("failed", "OSError", "")
    assert list(file_of(row).parent.iterdir()) == []


def test_it_is_due_hourly_and_after_a_change_of_fields(market):
    market.lead()
    now = timezone.now()
    assert builder.is_due(now)
    builder.build()

    assert not builder.is_due(now)
    assert builder.is_due(now + timedelta(hours=1, seconds=1))
    add_schema_version(Vertical.objects.get(pk=market.vertical.pk), FIELDS[:3])
    assert builder.is_due(now)


def test_a_small_shelf_needs_none(market, monkeypatch):
    monkeypatch.setattr(startup, "SMALL", 10)
    market.lead()

    assert not builder.is_due(timezone.now())


def test_only_the_newest_two_are_kept(market):
    market.lead()
    rows = [builder.build() for _ in range(4)]

    assert [row.pk for row in InventorySnapshot.objects.ready()] == [rows[3].pk, rows[2].pk]
    assert {path.name for path in file_of(rows[3]).parent.iterdir()} == {rows[3].name, rows[2].name}


def test_a_stock_under_old_fields_is_not_answered_from(market):
    market.leads(2)
    builder.build()
    add_schema_version(Vertical.objects.get(pk=market.vertical.pk), [{**FIELDS[0], "name": "aim"}])
    market.vertical = Vertical.objects.get(pk=market.vertical.pk)

    with pytest.raises(NotReady):
        in_memory(look_at(market))


def test_other_hosts_fetch_the_file_from_where_it_is_kept(market, settings, tmp_path):
    elsewhere = {"BACKEND": "tests.marketplace.inventory.test_snapshot.Bucket"}
    settings.STORAGES = {**settings.STORAGES, "inventory": elsewhere}
    market.leads(3)

    row = builder.build()
    settings.VAR_DIR = tmp_path / "another host"

    assert len(in_memory(look_at(market))) == 3
    assert [path.name for path in (tmp_path / "another host" / "inventory-copies").iterdir()] == [row.name]
    assert storages["inventory"].size(row.name) == row.size


def test_a_small_stock_is_made_anew_when_much_was_listed_since(market, monkeypatch):
    monkeypatch.setattr(startup, "SMALL", 100)
    monkeypatch.setattr(live, "FEW_LATE", 3)
    market.leads(2)
    query = look_at(market)
    in_memory(query)
    sizes = []
    for _ in range(4):
        market.leads(2)
        with live.result_of(query) as result:
            sizes.append((len(result.stock.ids.base), len(result.stock.late), len(result.matching)))

    assert sizes == [(2, 2, 4), (2, 4, 6), (8, 0, 8), (8, 2, 10)]


def test_a_process_changes_over_when_much_was_listed_since(market, monkeypatch):
    monkeypatch.setattr(live, "MOST_LATE", 2)
    monkeypatch.setattr(live, "LOOK_EVERY", 0)
    monkeypatch.setattr(live.Inventory, "_load_aside", lambda self: self._load())
    monkeypatch.setattr(live, "connections", type("None of ours", (), {"close_all": staticmethod(lambda: None)}))
    market.leads(2)
    builder.build()
    query = look_at(market)
    in_memory(query)
    market.leads(3)
    in_memory(query)
    newer = builder.build()
    for _ in range(2):
        in_memory(query)

    with live.result_of(query) as result:
        assert (len(result.stock.late), len(result.stock.ids.base), len(result.matching)) == (0, 5, 5)
    assert live._inventory._snapshot == newer.pk


def test_verticals_with_different_fields_are_read_in_one_pass(market):
    """Their own columns share slots on the wire; each vertical gets its own back."""
    solar = make_market("solar")
    add_schema_version(solar.vertical, fields_of(["range", "choices", "choice", "date", "flag", "number"]))
    dice = random.Random(5)
    with_proof(random_leads(market, 20), market)
    for _ in range(20):
        kinds = enumerate(["range", "choices", "choice", "date", "flag", "number"])
        answers = {f"f{number}": VALUES[kind](dice) for number, kind in kinds if dice.random() < 0.8}
        make_leads(solar, 1, attributes=answers, age=timedelta(days=dice.randint(0, 500)))

    builder.build()

    for one, clauses in [
        (market, [{"field": "rate", "max": 3.5}]),
        (market, [{"field": "features", "in": ["va"]}]),
        (market, [{"field": "property_value", "max": 120_000}]),
        (solar, [{"field": "f0", "min": 2}]),
        (solar, [{"field": "f1", "in": ["k1", "k2", "k69", "k33"]}]),
        (solar, [{"field": "f2", "in": ["b", "c"]}]),
        (solar, [{"field": "f4", "is": True}]),
        (solar, [{"field": "f3", "min": "2026-01-01"}]),
        (solar, [{"field": "f5", "min": 1}]),
    ]:
        query = look_at(one, clauses)
        assert in_memory(query) == in_database(query), clauses
        assert in_memory(query), clauses

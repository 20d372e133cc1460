"""Orders, receipts and downloads: shown to who bought, files to those who may hold them (P22, P23, P26)."""

import base64
import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from buyers.models import ApiKey, Buyer, Membership, Role
from leads.models import Contact
from marketplace.exports import manifest, tasks
from marketplace.exports.download import address_of, file_response
from marketplace.exports.manifest import manifest_of
from marketplace.models import Download, Export
from tests.cast import pending_order
from tests.factories import make_buyer, make_user
from tests.marketplace.exports.export_cases import buy, buy_people, erase, parsed, person, withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(market):
    return buy_people(
        market, [person(first_name="Marguerite"), person(first_name="Dale"), person(first_name="Yesenia")]
    )


@pytest.fixture
def browser(client):
    def browser(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser


@pytest.fixture
def member(market):
    def member(role):
        user = make_user()
        Membership.objects.create(user=user, buyer=market.buyer, role=role)
        return user

    return member


def page_of(order, page=""):
    return f"/orders/{order.public_id}/{page}"


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def phone_of(sale):
    return Contact.objects.get(lead=sale.lead).open(str(sale.lead.public_id)).phone


def test_the_list_shows_what_waits_for_its_payment_to_who_may_pay(market, member, browser):
    mine, theirs = pending_order(market, market.buyer, market.user), pending_order(market, make_buyer(), market.user)
    link = f'<a href="/checkout/{mine.public_id}/">Pay or cancel</a>'

    page = browser(market.user).get("/orders/").content.decode()
    looked_at = browser(member(Role.VIEWER)).get("/orders/").content.decode()

    assert link in page and link not in looked_at
    assert f"Order {mine.number} is waiting for payment" in looked_at
    assert theirs.number not in page


def test_the_list_shows_the_companys_orders(market, order, browser):
    page = browser(market.user).get("/orders/").content.decode()

    assert order.number in page
    assert "Selected leads" in page
    assert "$6.60" in page


def test_a_company_without_orders_is_shown_the_way_to_the_shelf(market, browser):
    page = browser(market.user).get("/orders/").content.decode()

    assert "No orders yet" in page


def test_the_order_says_what_was_asked_and_what_came_of_it(market, order, browser):
    order.filled, order.quantity, order.replaced = 3, 5, 1
    order.refused = [{"lead": None, "reason": "sold_out", "quantity": 2}]
    order.save()

    page = browser(market.user).get(page_of(order)).content.decode()

    assert "You got 3 of the 5 leads you requested. You paid only for those." in page
    assert "1 lead in your quote was gone by the time you ordered." in page
    assert "2 were sold to others before your order. You were not charged for them." in page


def test_the_receipt_names_both_companies_and_its_lines_add_up(market, browser, settings):
    leads = [*market.leads(2, age=timedelta(days=40)), *market.leads(3, age=timedelta(days=100))]
    order = buy(market, leads)

    response = browser(market.user).get(page_of(order, "receipt/"))

    page = response.content.decode()
    assert [(line.quantity, line.unit_cents, line.amount_cents) for line in response.context["lines"]] == [
        (2, 220, 440),
        (3, 100, 300),
    ]
    assert order.total_cents == 740
    assert "$7.40" in page
    assert settings.OPERATOR["street"] in page
    assert market.buyer.legal_name in page
    assert market.buyer.street in page


@pytest.mark.parametrize("role", [Role.OWNER, Role.BUYER])
def test_who_may_buy_sees_the_leads_and_the_browser_keeps_nothing(order, browser, member, role):
    response = browser(member(role)).get(page_of(order, "leads/"))

    page = response.content.decode()
    assert all(name in page for name in ("Marguerite", "Dale", "Yesenia"))
    assert all(phone_of(sale) in page for sale in order.sales.all())
    assert response["Cache-Control"] == "no-store"
    assert 'hx-history="false"' in page


@pytest.mark.parametrize(("stop", "said"), [(withdraw, "This person opted out"), (erase, "This person was erased")])
def test_who_stopped_is_gone_from_the_leads_page(market, order, browser, stop, said):
    sale = order.sales.order_by("id")[1]
    phone = phone_of(sale)
    stop(sale.lead)

    page = browser(market.user).get(page_of(order, "leads/")).content.decode()

    assert said in page
    assert "Dale" not in page
    assert phone not in page
    assert "Marguerite" in page


@pytest.mark.parametrize("page", ["", "receipt/"])
def test_a_viewer_sees_the_order_without_people_and_files(order, browser, member, page):
    response = browser(member(Role.VIEWER)).get(page_of(order, page))

    assert response.status_code == 200
    text = response.content.decode()
    assert not any(name in text for name in ("Marguerite", "Dale", "Yesenia", "/file/", 'id="files"'))


@pytest.mark.parametrize("page", ["leads/", "file/"])
def test_a_viewer_and_a_closed_company_get_no_people(market, order, browser, member, page):
    assert browser(member(Role.VIEWER)).get(page_of(order, page)).status_code == 404

    Buyer.objects.update(closed_at=timezone.now())
    assert browser(market.user).get(page_of(order, page)).status_code == 404
    assert not Download.objects.exists()


@pytest.mark.parametrize("page", ["", "receipt/", "leads/", "file/"])
def test_another_company_finds_nothing_and_a_stranger_is_asked_to_log_in(market, order, browser, client, page):
    assert client.get(page_of(order, page)).status_code == 302

    other = make_user()
    make_buyer(other, market.vertical)

    assert browser(other).get(page_of(order, page)).status_code == 404
    assert browser(other).post(page_of(order, "files/"), {"preset": "plain", "format": "csv"}).status_code == 404
    assert not Download.objects.exists()
    assert not Export.objects.exists()


def test_a_download_is_the_file_with_its_length_and_digest(market, order, browser):
    response = browser(market.user).get(page_of(order, "file/"))
    content = body(response)

    digest = hashlib.sha256(content)
    export = Export.objects.get()
    assert len(parsed(content)) == 1 + 3
    assert (export.rows, export.tombstones, export.bytes, export.sha256) == (3, 0, len(content), digest.hexdigest())
    assert response["Content-Length"] == str(len(content))
    assert response["ETag"] == f'"{digest.hexdigest()}"'
    assert response["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert response["Content-Disposition"] == f'attachment; filename="remainder-{order.number}-plain.csv"'
    assert (response["Cache-Control"], response["Accept-Ranges"]) == ("no-store", "none")
    assert response["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_second_download_is_the_same_to_the_byte(market, order, browser, format):
    asked = {"format": format}
    first = body(browser(market.user).get(page_of(order, "file/"), asked))

    assert body(browser(market.user).get(page_of(order, "file/"), asked)) == first
    assert Export.objects.count() == 1


def test_each_download_is_written_down_before_its_first_byte(market, order, browser):
    response = browser(market.user).get(page_of(order, "file/"), {"preset": "convoso"}, REMOTE_ADDR="192.0.2.9")

    download = Download.objects.get()
    assert (download.order, download.user, download.api_key, download.rows) == (order, market.user, None, 3)
    assert (download.preset, download.format, download.part, download.address) == ("convoso", "csv", 1, "192.0.2.9")
    body(response)
    assert Download.objects.count() == 1


def test_head_has_the_same_headers_and_is_no_download(market, order, browser):
    fetched = browser(market.user).get(page_of(order, "file/"))
    body(fetched)

    asked = browser(market.user).head(page_of(order, "file/"))

    for name in ("Content-Length", "ETag", "Repr-Digest", "Content-Disposition", "Accept-Ranges", "Content-Type"):
        assert asked[name] == fetched[name]
    assert body(asked) == b""
    assert Download.objects.count() == 1


def test_a_key_is_written_down_too(market, order, rf):
    key = ApiKey.objects.create(buyer=market.buyer, name="CRM", prefix="rem_abcd", digest="0" * 64)

    body(file_response(order, request=rf.get("/"), api_key=key))

    download = Download.objects.get()
    assert (download.user, download.api_key) == (None, key)


@pytest.mark.parametrize("stop", [withdraw, erase])
def test_who_stops_makes_the_manifest_be_counted_again_before_the_next_download(market, order, browser, stop):
    before = manifest_of(order).sha256
    stop(order.sales.first().lead)

    response = browser(market.user).get(page_of(order, "file/"))
    content = body(response)

    export = Export.objects.get()
    assert (export.rows, export.tombstones) == (3, 1)
    assert export.sha256 == hashlib.sha256(content).hexdigest() != before
    assert response["Content-Length"] == str(len(content))
    assert b"Marguerite" not in content


def test_a_source_that_is_renamed_makes_the_manifest_be_counted_again(market, order):
    before = manifest_of(order).sha256
    market.source.legal_name = "Another Name LLC"
    market.source.save(update_fields=["legal_name"])

    assert manifest_of(order).sha256 != before


def test_a_copy_that_went_out_otherwise_than_promised_leaves_the_true_manifest(market, order, rf):
    response = file_response(order, request=rf.get("/"), user=market.user)
    withdraw(order.sales.first().lead)
    content = body(response)

    assert len(content) != int(response["Content-Length"])
    assert Export.objects.get().sha256 == hashlib.sha256(content).hexdigest()
    assert manifest_of(order).tombstones == 1


def test_a_big_file_is_counted_by_a_job_and_its_row_shows_how_far_it_is(
    market, order, browser, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(manifest, "SMALL", 2)
    asked = []
    monkeypatch.setattr(tasks.build_export, "delay", asked.append)
    client = browser(market.user)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(page_of(order, "files/"), {"preset": "hubspot", "format": "csv"})
    export = Export.objects.get()
    row = page_of(order, f"files/{export.public_id}/")

    waiting = client.get(row, headers={"HX-Request": "true"}).content.decode()
    tasks.build_export(export.pk)
    ready = client.get(row, headers={"HX-Request": "true"}).content.decode()

    export.refresh_from_db()
    assert asked == [export.pk]
    assert f'hx-get="{row}"' in waiting
    assert 'max="3"' in waiting
    assert "hx-get" not in ready
    assert (export.status, export.rows, export.rows_done) == ("ready", 3, 3)
    assert export.sha256 in ready
    assert client.get(row).status_code == 302


def test_a_big_file_streams_before_it_was_counted_and_its_end_is_its_manifest(market, order, browser, monkeypatch):
    monkeypatch.setattr(manifest, "SMALL", 2)

    response = browser(market.user).get(page_of(order, "file/"))

    assert "Content-Length" not in response
    assert "ETag" not in response
    content = body(response)
    export = Export.objects.get()
    assert (export.status, export.sha256) == ("ready", hashlib.sha256(content).hexdigest())


def test_the_sweep_finds_what_waits_and_what_a_killed_worker_left(order, monkeypatch):
    found = []
    monkeypatch.setattr(tasks.build_export, "delay", found.append)
    now = timezone.now()
    statuses = {"queued": None, "building": now - timedelta(minutes=11), "failed": None}
    made = {
        status: Export.objects.create(order=order, preset=status, status=status, started_at=at)
        for status, at in statuses.items()
    }
    Export.objects.create(order=order, preset="busy", status="building", started_at=now)

    tasks.build_exports()

    assert sorted(found) == sorted([made["queued"].pk, made["building"].pk])


def test_a_count_that_fails_says_so_and_is_asked_for_again(order, monkeypatch):
    export = Export.objects.create(order=order, preset="plain")
    monkeypatch.setattr(manifest, "count", lambda export, shape: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        manifest.work_on(export.pk, timezone.now())
    export.refresh_from_db()
    assert export.status == "failed"

    monkeypatch.undo()
    assert manifest_of(order).status == "ready"


def test_two_workers_count_an_export_once(order, monkeypatch):
    export = Export.objects.create(order=order, preset="plain")
    counted = []
    monkeypatch.setattr(manifest, "count", lambda export, shape: counted.append(export.pk))

    manifest.work_on(export.pk, timezone.now())
    manifest.work_on(export.pk, timezone.now())

    assert counted == [export.pk]


def test_own_columns_are_taken_in_their_positions_and_offered_again(market, order, browser):
    client = browser(market.user)
    positions = {"position_phone": "2", "position_email": "1"}
    columns = ["phone", "email", "city"]

    answer = client.post(page_of(order, "files/"), {"preset": "own", "format": "csv", "columns": columns, **positions})
    page = client.get(page_of(order))

    assert answer.status_code == 302
    assert Export.objects.get().columns == ["email", "phone", "city"]
    assert page.context["usual"].chosen == ("email", "phone", "city")
    (file,) = page.context["files"]
    assert parsed(body(client.get(file.address)))[0] == ["email", "phone", "city"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"preset": "own", "format": "csv"}, "Select at least one column."),
        ({"preset": "vicidial", "format": "xlsx"}, "VICIdial files come as csv."),
        ({"preset": "nonsense", "format": "csv"}, "Choose one of these presets: plain, own, "),
        ({"preset": "plain", "format": "csv", "part": "7"}, "This file has 1 part."),
    ],
)
def test_a_file_that_there_is_not_is_refused_in_a_sentence(market, order, browser, asked, said):
    response = browser(market.user).post(page_of(order, "files/"), asked)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Export.objects.exists()


@pytest.mark.parametrize("asked", ["preset=x", "format=pdf", "part=2", "part=x", "preset=own&columns=ssn"])
def test_an_address_of_no_file_is_a_bad_request(market, order, browser, asked):
    response = browser(market.user).get(page_of(order, f"file/?{asked}"))

    assert response.status_code == 400
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "198.51.100.1", "192.0.2.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "198.51.100.1", "192.0.2.1"),
        (1, "nonsense", None),
    ],
)
def test_an_address_is_believed_only_from_our_own_proxies(rf, settings, trusted, forwarded, address):
    settings.TRUSTED_PROXIES = trusted
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": forwarded})

    assert address_of(request) == address


def test_the_pages_ask_the_database_a_fixed_number_of_times(market, browser, django_assert_max_num_queries):
    client = browser(market.user)
    for key in range(6):
        order = buy(market, market.leads(3), key=f"k{key}")

    client.get("/orders/")
    with django_assert_max_num_queries(16):
        client.get("/orders/")
    with django_assert_max_num_queries(14):
        client.get(page_of(order, "leads/"))

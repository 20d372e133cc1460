"""Files: what stands in them, that nothing in them runs, that they are whole and the same each time (P14, P23, P24)."""

import csv
import io
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from leads.cells import cell_text, guard
from marketplace.exports import batch as reading
from marketplace.exports.columns import columns_for
from marketplace.exports.shape import ShapeRefused, shape_of
from marketplace.exports.writing import BYTE_ORDER_MARK, Count, lines_of, write
from marketplace.orders.sales import Hold, Offer, hold_legs, release_legs
from tests.factories import make_leads
from tests.marketplace.exports.export_cases import buy, buy_people, erase, parsed, person, table, withdraw, written
from tests.marketplace.returns.return_cases import another

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "|", "%", "\uff05", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
BLANKS = ["", " ", "\u200b", "\u00a0\ufeff"]
PAYLOADS = [f"{blank}{start}cmd|' /C calc'!A0" for start in STARTS for blank in BLANKS]
DANGEROUS = re.compile("[\\s\u200b\u00a0\ufeff]*[-=+@|\uff05\uff1d\uff0b\uff0d\uff20\\t\\r\\n\\0]")


def hostile(market, payload):
    market.source.legal_name = payload.replace("\0", "\x01")  # the database itself keeps NUL out of its texts
    market.source.save(update_fields=["legal_name"])
    texts = dict.fromkeys(["first_name", "last_name", "street", "city"], payload)
    attributes = {"remark": payload.replace("\0", "\x01")}
    return buy_people(market, [person(**texts)], attributes=attributes)


def sheet(content):
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_no_text_is_left_that_a_spreadsheet_would_run(market, payload):
    order = hostile(market, payload)
    width = len(columns_for(order))

    heading, row = parsed(written(order)[0])
    _, cells = sheet(written(order, format="xlsx")[0])

    assert (len(heading), len(row), len(cells)) == (width, width, width)
    for values in (dict(zip(heading, row, strict=True)), dict(zip(heading, cells, strict=True))):
        assert {values[name][0] for name in ("first_name", "last_name", "street", "city", "remark", "source")} == {"'"}
        assert not [name for name, value in values.items() if isinstance(value, str) and DANGEROUS.match(value)]


@pytest.mark.parametrize("text", ["Zoë 🏡 “Ng”", 'Say "hi", twice', "two\nlines", "O'Neill", "(no name)", "李雷"])
def test_harmless_text_comes_back_as_it_was(market, text):
    order = buy_people(market, [person(first_name=text, street=text)])

    row = table(order)[0]
    heading, cells = sheet(written(order, format="xlsx")[0])

    assert (row["first_name"], row["street"]) == (text, text)
    assert cells[heading.index("street")] == text


CELLS = st.one_of(
    st.text(max_size=12),
    st.text('ab0 "-=+@|%,\n\t', max_size=6),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
)


ROWS = st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1))


@given(ROWS)
@example([["plain", 1], ["-1", -1]])
@example([["=run"]])
@example([["half \ud800"]])
@example([["two\r\nlines"], ["one"]])
@example([['quo"ted', "x"]])
def test_lines_that_are_plain_as_a_whole_are_what_cell_by_cell_would_give(rows):
    expected = io.StringIO(newline="")
    csv.writer(expected, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [cell_text(cell) for cell in row] for row in rows
    )

    assert lines_of(list(zip(*rows, strict=True))).decode() == expected.getvalue()


def test_control_and_half_characters_are_dropped():
    assert guard("a\x00b\x1bc\x85d\ud800e\uffff") == "abcde"
    assert guard("a\r\nb\rc\td") == "a\nb\nc d"


def test_what_a_lead_was_stands_in_the_plain_file(market):
    lead = market.lead(
        person=person(first_name="Pat", last_name="Doe", phone="+19372001234", email="pat@example.com", street="1 Elm"),
        captured_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        legs_sold_elsewhere=1,
        attributes={
            "purpose": "home_equity",
            "loan_amount": 250000,
            "features": ["va", "jumbo"],
            "first_time": False,
            "rate": -1.5,
            "property_value": {"min": 100000, "max": 150000},
            "needed_by": "2026-03-01",
            "diagnosis": "b",
        },
    )
    order = buy(market, [lead])
    sale = order.sales.get()

    assert table(order) == [
        {
            "lead_id": str(lead.public_id),
            "order": order.number,
            "status": "active",
            "bought_at": sale.sold_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "price": f"{sale.price_cents / 100:.2f}",
            "exclusive": "No",
            "first_name": "Pat",
            "last_name": "Doe",
            "full_name": "Pat Doe",
            "phone": "9372001234",
            "phone_11": "19372001234",
            "second_phone": "",
            "email": "pat@example.com",
            "street": "1 Elm",
            "city": "Dayton",
            "state": "OH",
            "postal_code": "45402",
            "vertical": "Mortgage",
            "captured_at": "2026-01-02T03:04:05Z",
            "age_days": str((sale.sold_at - lead.captured_at).days),
            "kind": "Form",
            "phone_type": "Unknown",
            "companies_allowed": "4",
            "sold_before": "1",
            "source": market.source.legal_name,
            "site": market.source.site,
            "consent_version": "v3",
            "consent_given_at": "2026-01-02T03:04:05Z",
            "consent_page": "https://quotes.example/mortgage",
            "channels": "Call, Email",
            "trustedform_url": "",
            "leadid_token": "",
            "retained_until": "",
            "purpose": "Home equity",
            "loan_amount": "250000",
            "features": "VA, Jumbo",
            "first_time": "No",
            "rate": "-1.5",
            "property_value": "100000-150000",
            "needed_by": "2026-03-01",
            "diagnosis": "B",
            "remark": "",
        }
    ]


def test_a_masked_site_is_not_told(market):
    market.source.site_masked = True
    market.source.save(update_fields=["site_masked"])

    assert table(buy(market, [market.lead()]))[0]["site"] == "masked"


@pytest.mark.parametrize("format", ["csv", "bom", "xlsx"])
@pytest.mark.parametrize("batch", [1, 2, 500])
def test_a_file_has_every_sale_once_and_is_the_same_each_time(market, monkeypatch, format, batch):
    order = buy(market, market.leads(5))
    once = written(order, format=format)[0]
    monkeypatch.setattr(reading, "BATCH", batch)

    again, count = written(order, format=format)

    assert (again, written(order, format=format)[0]) == (again, again)
    assert format == "xlsx" or once == again
    assert (count.rows, count.tombstones, count.size) == (5, 0, len(again))
    ids = [row[0] for row in (sheet(again) if format == "xlsx" else parsed(again.removeprefix(BYTE_ORDER_MARK)))]
    assert ids[1:] == [str(sale.lead.public_id) for sale in order.sales.order_by("id")]


def test_only_the_csv_for_excel_begins_with_a_byte_order_mark(market):
    order = buy(market, market.leads(1))

    plain, marked = written(order)[0], written(order, format="bom")[0]

    assert marked == BYTE_ORDER_MARK + plain


@pytest.mark.parametrize(("stop", "reason"), [(withdraw, "withdrawn"), (erase, "erased")])
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_who_stopped_since_leaves_a_tombstone(market, stop, reason, format):
    leads = market.leads(3)
    order = buy(market, leads)
    stop(leads[1])

    content, count = written(order, format=format)
    heading, *found = sheet(content) if format == "xlsx" else parsed(content)

    assert (count.rows, count.tombstones) == (3, 1)
    tombstone = dict(zip(heading, found[1], strict=True))
    assert {name: value for name, value in tombstone.items() if value} == {
        "lead_id": str(leads[1].public_id),
        "status": reason,
    }
    assert [dict(zip(heading, row, strict=True))["status"] for row in (found[0], found[2])] == ["active", "active"]


def test_who_stops_while_a_file_is_on_its_way_is_out_of_the_later_batches(market, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 1)
    leads = market.leads(3)
    chunks = write(shape_of(buy(market, leads)), Count())

    heading, first = next(chunks), next(chunks)
    withdraw(leads[1])
    second, third = chunks

    (name, status) = (parsed(heading)[0].index("last_name"), parsed(heading)[0].index("status"))
    found = [(parsed(chunk)[0][name] != "", parsed(chunk)[0][status]) for chunk in (first, second, third)]
    assert found == [(True, "active"), (False, "withdrawn"), (True, "active")]


def test_the_first_bytes_come_before_the_second_batch_is_read(market, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 2)
    chunks = write(shape_of(buy(market, market.leads(6))), Count())

    with CaptureQueriesContext(connection) as queries:
        next(chunks), next(chunks)

    reads = [query["sql"] for query in queries if "marketplace_sale" in query["sql"] and "sealed" in query["sql"]]
    assert len(reads) == 1
    assert "LIMIT 2" in reads[0]


def test_a_file_costs_one_query_a_batch(market, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 10)
    order = buy(market, make_leads(market, 40))
    shape = shape_of(order)
    shape.columns  # noqa: B018  (its two queries are the same for any size)

    with CaptureQueriesContext(connection) as queries:
        list(write(shape, Count()))

    asked = [query for query in queries if query["sql"].startswith("SELECT")]
    assert len(asked) == 4 + 3  # batches; then source, text and schema once each


def test_sold_before_counts_the_earlier_sales_and_no_later_one_changes_the_file(market):
    lead, hold = market.lead(legs_sold_elsewhere=1), Hold(uuid.uuid4(), market.now)
    hold_legs([Offer(lead.pk, lead.pk, 220, market.curve.pk)], hold, until=market.now + HOUR, exclusive=False)
    early = buy(market, [lead], buyer=another(market))
    file = written(early)[0]

    release_legs(hold.holder)
    late = buy(market, [lead], buyer=another(market))

    assert [order.sales.get().leg.number for order in (early, late)] == [3, 2]
    assert [table(order)[0]["sold_before"] for order in (early, late)] == ["1", "2"]
    assert written(early)[0] == file


def test_own_columns_come_in_the_order_that_was_chosen(market):
    order = buy(market, market.leads(1))

    content, _ = written(order, "own", columns=("phone", "loan_amount", "lead_id"))

    assert parsed(content)[0] == ["phone", "loan_amount", "lead_id"]
    assert parsed(content)[1][1] == "250000"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"preset": "espo"}, "preset"),
        ({"preset": "vicidial", "format": "xlsx"}, "format"),
        ({"format": "pdf"}, "format"),
        ({"preset": "own"}, "columns"),
        ({"preset": "own", "columns": ["phone", "ip_address"]}, "columns"),
        ({"preset": "plain", "columns": ["phone"]}, "columns"),
        ({"part": 2}, "part"),
        ({"preset": "convoso", "part": 0}, "part"),
    ],
)
def test_a_shape_that_there_is_not_is_refused(market, asked, field):
    order = buy(market, market.leads(1))

    with pytest.raises(ShapeRefused) as refusal:
        shape_of(order, **asked)

    assert refusal.value.field == field

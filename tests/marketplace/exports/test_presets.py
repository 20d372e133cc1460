"""Presets: what each program needs to take a file in."""

from dataclasses import replace

import pytest

from marketplace.exports.presets import PRESETS
from marketplace.exports.shape import shape_of
from tests.marketplace.exports.export_cases import buy, buy_people, parsed, person, table, withdraw, written

pytestmark = pytest.mark.django_db

VICIDIAL = [
    "vendor_lead_code",
    "source_id",
    "list_id",
    "phone_code",
    "phone_number",
    "title",
    "first_name",
    "middle_initial",
    "last_name",
    "address1",
    "address2",
    "address3",
    "city",
    "state",
    "province",
    "postal_code",
    "country_code",
    "gender",
    "date_of_birth",
    "alt_phone",
    "email",
    "security_phrase",
    "comments",
    "rank",
    "owner",
]


@pytest.fixture
def pat():
    return person(
        first_name="Pat",
        last_name="Doe",
        phone="+19372001234",
        second_phone="+19372005678",
        email="pat@example.com",
        street="1 Elm Street",
        city="Dayton",
    )


def test_vicidial_reads_by_position_and_without_a_heading(market, pat):
    order = buy_people(market, [pat])

    (row,) = parsed(written(order, "vicidial")[0])

    assert len(VICIDIAL) == 25
    assert {name: value for name, value in zip(VICIDIAL, row, strict=True) if value} == {
        "vendor_lead_code": order.sales.get().lead.public_id.hex[:20],
        "source_id": order.number,
        "phone_code": "1",
        "phone_number": "9372001234",
        "first_name": "Pat",
        "last_name": "Doe",
        "address1": "1 Elm Street",
        "city": "Dayton",
        "state": "OH",
        "postal_code": "45402",
        "country_code": "USA",
        "alt_phone": "9372005678",
        "email": "pat@example.com",
        "comments": "Wants: Refinance; Loan amount: $250,000",
    }


def test_salesforce_has_a_last_name_and_a_company_in_each_row(market, pat):
    order = buy_people(market, [pat, person(last_name="")])

    found = table(order, "salesforce")

    assert [(row["Last Name"], row["Company"]) for row in found] == [("Doe", "Individual"), ("(no name)", "Individual")]
    assert found[0] == {
        "First Name": "Pat",
        "Last Name": "Doe",
        "Company": "Individual",
        "Email": "pat@example.com",
        "Phone": "9372001234",
        "Street": "1 Elm Street",
        "City": "Dayton",
        "State": "OH",
        "Postal Code": "45402",
        "Country": "United States",
        "Lead Source": "Purchased List",
        "Lead Status": "Open - Not Contacted",
        "Description": "Wants: Refinance; Loan amount: $250,000",
        "Remainder Lead ID": str(order.sales.first().lead.public_id),
        "Remainder Status": "active",
    }


def test_hubspot_has_the_headings_that_it_maps_by_itself(market, pat):
    (row,) = table(buy_people(market, [pat]), "hubspot")

    row.pop("Remainder Lead ID")
    assert row == {
        "First Name": "Pat",
        "Last Name": "Doe",
        "Email": "pat@example.com",
        "Phone Number": "9372001234",
        "Street Address": "1 Elm Street",
        "City": "Dayton",
        "State/Region": "OH",
        "Postal Code": "45402",
        "Country/Region": "United States",
        "Lead Status": "New",
        "Lifecycle Stage": "Lead",
        "Message": "Wants: Refinance; Loan amount: $250,000",
        "Remainder Status": "active",
    }


def test_convoso_has_plain_headings_and_ten_digits(market, pat):
    (row,) = table(buy_people(market, [pat]), "convoso")

    assert all(heading.replace(" ", "").isalnum() for heading in row)
    assert (row["Phone Number"], row["Alt Phone 1"]) == ("9372001234", "9372005678")


def test_a_long_order_comes_in_parts_that_make_up_the_whole(market, monkeypatch):
    order = buy(market, market.leads(5))
    monkeypatch.setitem(PRESETS, "convoso", replace(PRESETS["convoso"], limit=2))

    shapes = [shape_of(order, "convoso", part=part) for part in (1, 2, 3)]
    found = [row["Remainder Lead ID"] for part in (1, 2, 3) for row in table(order, "convoso", part=part)]

    assert [(shape.rows, shape.parts) for shape in shapes] == [(2, 3), (2, 3), (1, 3)]
    assert found == [str(sale.lead.public_id) for sale in order.sales.order_by("id")]
    assert shapes[1].filename == f"remainder-{order.number}-convoso-part2.csv"


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_in_each_preset_a_tombstone_says_only_which_lead_and_why(market, preset):
    lead = market.lead()
    order = buy(market, [lead])
    withdraw(lead)

    row = parsed(written(order, preset)[0])[-1]

    said = {value for value in row if value}
    assert said <= {str(lead.public_id), lead.public_id.hex[:20], "withdrawn"}
    assert "withdrawn" in said
    assert len(said) == 2

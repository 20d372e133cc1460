import pytest

from leads.intake.importing.columns import (
    MappingIncomplete,
    check_columns,
    guess_columns,
    is_never_taken,
    propose_columns,
    save_columns,
)
from leads.schema.fields import Schema
from tests.factories import FIELDS, make_source

SCHEMA = Schema.from_json([*FIELDS, {"name": "debt", "label": "Owes", "type": "money", "aliases": ["TotalDebt"]}])


@pytest.mark.parametrize(
    ("headers", "columns"),
    [
        (
            ["Name_First", "Name_Last", "Email", "Phone", "Address", "City", "State", "Zip", "SubmittedAt", "LegsSold"],
            {
                "first_name": "Name_First",
                "last_name": "Name_Last",
                "email": "Email",
                "phone": "Phone",
                "street": "Address",
                "city": "City",
                "state": "State",
                "postal_code": "Zip",
                "captured_at": "SubmittedAt",
                "legs_sold": "LegsSold",
            },
        ),
        (
            ["firstName", "LAST NAME", "e-mail", "phone_1", "Phone 2", "zip-code", "source_timestamp", "lp_num_sold"],
            {
                "first_name": "firstName",
                "last_name": "LAST NAME",
                "email": "e-mail",
                "phone": "phone_1",
                "second_phone": "Phone 2",
                "postal_code": "zip-code",
                "captured_at": "source_timestamp",
                "legs_sold": "lp_num_sold",
            },
        ),
        (
            [
                "xxTrustedFormCertUrl",
                "universal_leadid",
                "Allowed_Times_Sold",
                "tcpa_version",
                "Loan Amount",
                "totalDebt",
            ],
            {
                "trustedform_url": "xxTrustedFormCertUrl",
                "leadid_token": "universal_leadid",
                "legs_authorized": "Allowed_Times_Sold",
                "loan_amount": "Loan Amount",
                "consent_text": "tcpa_version",
                "debt": "totalDebt",
            },
        ),
        (["Cell", "Phone"], {"phone": "Phone"}),
        (["Name", "Wants"], {"full_name": "Name", "purpose": "Wants"}),
        (["first name", "last name", "name"], {"first_name": "first name", "last_name": "last name"}),
        (["SSN", "Bank Account", "cardNumber", "Driver License Number"], {}),
        (["Shoe size"], {}),
    ],
)
def test_headers_are_understood_in_the_dialects_of_the_trade(headers, columns):
    assert guess_columns(headers, {}, SCHEMA) == columns


def test_of_two_headers_for_one_field_the_exact_name_wins():
    assert guess_columns(["Mobile", "phone"], {}, SCHEMA) == {"phone": "phone"}


def test_where_no_name_helps_the_values_do():
    samples = {
        "A": ["a@example.com", "b@example.com"],
        "B": ["(937) 200-0001"],
        "C": ["2026-10-08 07:28", "2026-10-09 07:28"],
        "D": ["45402"],
        "E": ["words"],
    }
    assert guess_columns(list(samples), samples, SCHEMA) == {
        "email": "A",
        "phone": "B",
        "captured_at": "C",
        "postal_code": "D",
    }


def test_of_two_columns_of_the_same_looks_none_is_guessed():
    samples = {"A": ["a@example.com"], "B": ["b@example.com"]}
    assert guess_columns(["A", "B"], samples, SCHEMA) == {}


def test_what_the_operator_saved_wins_where_its_header_still_is(market):
    save_columns(market.source, market.vertical, {"email": "Email 2", "phone": "Fon"}, "UTC")

    kept = propose_columns(market.source, market.vertical, ["Email", "Email 2", "Phone", "State"], {})
    other = propose_columns(make_source(), market.vertical, ["Email", "Email 2"], {})

    assert kept == {"email": "Email 2", "phone": "Phone"}  # Fon is gone: guessed again; State was left out on purpose
    assert other == {"email": "Email"}


@pytest.mark.parametrize(
    ("header", "never"), [("SSN", True), ("social_security_number", True), ("Bank-Account", True), ("Account", False)]
)
def test_some_numbers_are_never_taken(header, never):
    assert is_never_taken(header) is never


ENOUGH = {"phone": "P", "captured_at": "T", "state": "S", "consent_text": "C"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"phone": None}, "Map a column for a phone number or email address."),
        ({"captured_at": None}, "Map a column for when the person made the request."),
        ({"state": None}, "Map a column for the state or the ZIP code."),
        ({"consent_text": None}, "Map a column for the consent text the person saw"),
        ({"shoe_size": "P"}, "There is no field “shoe_size”."),
        ({"email": "Mail"}, "The file has no column “Mail”."),
        ({"email": "SSN"}, "The column “SSN” is never imported."),
    ],
)
def test_a_mapping_under_which_nothing_could_be_taken_is_refused(changes, sentence):
    columns = {field: header for field, header in (ENOUGH | changes).items() if header}
    with pytest.raises(MappingIncomplete) as caught:
        check_columns(columns, ["P", "T", "S", "C", "SSN"], SCHEMA, has_default_consent=False)
    assert str(caught.value).startswith(sentence)


def test_a_mapping_that_says_enough_passes():
    check_columns(ENOUGH, ["P", "T", "S", "C"], SCHEMA, has_default_consent=False)
    less = {field: header for field, header in ENOUGH.items() if field != "consent_text"}
    check_columns(less, ["P", "T", "S"], SCHEMA, has_default_consent=True)

import pytest
from django.core.exceptions import ValidationError

from leads.criteria import common_fields
from leads.criteria.filters import parameters_of
from leads.schema.check import check_schema
from leads.schema.common_columns import ENVELOPE_NAMES
from leads.schema.fields import BadValue, Field, FieldType, Schema, plain_text
from leads.schema.names import ASKED, RESERVED_NAMES
from marketplace.api import filtering
from marketplace.storefront import views

CHOICES = {"refinance": "Refinance", "home_equity": "Home equity", "over_60": "60+"}


def field(kind, **settings):
    return Field(name="it", label="It", type=FieldType(kind), **settings)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("choice", "Refinance", "refinance"),
        ("choice", " HOME EQUITY ", "home_equity"),
        ("choice", "home_equity", "home_equity"),
        ("choice", "60+", "over_60"),
        ("choices", "Home Equity; refinance", ["refinance", "home_equity"]),
        ("choices", "", []),
        ("number", "18.01", 18.01),
        ("number", "3", 3),
        ("number", "3.0", 3),
        ("number", "7.5%", 7.5),
        ("number", "-2", -2),
        ("number", ".5", 0.5),
        ("money", "$1,250.50", 1251),
        ("money", "250k", 250_000),
        ("money", "1.2M", 1_200_000),
        ("money", "0", 0),
        ("flag", "Yes", True),
        ("flag", "0", False),
        ("flag", "TRUE", True),
        ("date", "2026-03-31", "2026-03-31"),
        ("date", "03/31/2026", "2026-03-31"),
        ("date", "3/1/26", "2026-03-01"),
        ("date", "20260331", "2026-03-31"),
        ("date", "2026-03-31 00:00:00", "2026-03-31"),
        ("text", "  global   config\tengineer\n", "global config engineer"),
        ("range", "100,000-150,000", {"min": 100_000, "max": 150_000}),
        ("range", "$100k – $150k", {"min": 100_000, "max": 150_000}),
        ("range", "100000 to 150000", {"min": 100_000, "max": 150_000}),
        ("range", "under 50,000", {"max": 50_000}),
        ("range", "500,000+", {"min": 500_000}),
        ("range", "over $1M", {"min": 1_000_000}),
        ("range", "75000", {"min": 75_000, "max": 75_000}),
    ],
)
def test_a_value_is_read_from_text(kind, raw, value):
    assert field(kind, choices=CHOICES if kind.startswith("choice") else {}).read(raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        ("choice", "Boat", "is not one of the choices"),
        ("choices", "refinance, boat", "is not one of the choices"),
        ("number", "1e5", "is not a number"),
        ("number", "abc", "is not a number"),
        ("number", "1,00", "is not a number"),
        ("number", "", "is not a number"),
        ("number", "NaN", "is not a number"),
        ("number", "9" * 20, "is too large"),
        ("money", "$", "is not a number"),
        ("flag", "maybe", "is not yes or no"),
        ("date", "31/12/2026", "is not a valid date"),
        ("date", "soon", "is not a valid date"),
        ("range", "150-100", "has a minimum above its maximum"),
        ("range", "a lot", "is not a number"),
        ("text", '=HYPERLINK("http://evil.example")', "looks like a formula"),
        ("text", "\t =1+1", "looks like a formula"),
        ("text", "\uff1dcmd", "looks like a formula"),
        ("text", "@SUM(1)", "looks like a formula"),
        ("text", "+cmd|'/C calc'!A0", "looks like a formula"),
    ],
)
def test_a_value_that_cannot_be_read_says_why_and_never_what(kind, raw, reason):
    with pytest.raises(BadValue) as caught:
        field(kind, choices=CHOICES if kind.startswith("choice") else {}).read(raw)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("raw", "reason"), [("9", "is below the minimum for this field"), ("21", "is above the maximum for this field")]
)
def test_bounds_hold(raw, reason):
    bounded = field("number", minimum=10, maximum=20)
    assert [bounded.read("10"), bounded.read("20")] == [10, 20]
    with pytest.raises(BadValue, match=reason):
        bounded.read(raw)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("- nurse", "nurse"),
        ("@home carer", "home carer"),
        ("-2+3", "2+3"),
        ("a\x00b\u200bc\ufeff", "abc"),
        ("R&D = fun", "R&D = fun"),
        ("x" * 300, "x" * 200),
        ("  ", ""),
    ],
)
def test_text_opens_as_text_in_a_spreadsheet(raw, text):
    assert plain_text(raw) == text


def test_of_two_choices_that_are_spelled_alike_the_first_wins():
    assert field("choice", choices={"a": "Same", "same": "Other"}).read("same") == "a"


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ({}, "A schema must be a list of fields."),
        (
            [{"name": "Bad Name", "label": "x", "type": "text"}],
            "Field 1: enter a name of lowercase letters, digits and _.",
        ),
        ([{"name": "state", "label": "x", "type": "text"}], "“state” is a reserved name. Choose another."),
        ([{"name": "a", "label": " ", "type": "text"}], "“a”: enter a label."),
        ([{"name": "a", "label": "A", "type": "blob"}], "“a”: choose a type."),
        ([{"name": "a", "label": "A", "type": "choice"}], "“a” has a type that needs choices."),
        ([{"name": "a", "label": "A", "type": "text", "size": 3}], "“a” has unknown settings: size."),
        ([{"name": "a", "label": "A", "type": "text"}] * 2, "“a” is listed twice."),
        (
            [{"name": "a", "label": "A", "type": "money", "minimum": "5"}],
            "“a”: enter numbers for the minimum and maximum.",
        ),
        (
            [{"name": "a", "label": "A", "type": "money", "maximum": True}],
            "“a”: enter numbers for the minimum and maximum.",
        ),
        (
            [{"name": "a", "label": "A", "type": "money", "maximum": float("nan")}],
            "“a”: enter numbers for the minimum and maximum.",
        ),
        (
            [{"name": "a", "label": "A", "type": "money", "minimum": 5, "maximum": 4}],
            "“a”: enter a maximum that is not below the minimum.",
        ),
        (
            [{"name": "a", "label": "A", "type": "text", "aliases": "b"}],
            "“a”: enter aliases as a list of texts.",
        ),
        (
            [{"name": "a", "label": "A", "type": "text", "aliases": [5]}],
            "“a”: enter aliases as a list of texts.",
        ),
        (
            [{"name": "a", "label": "A", "type": "flag", "filterable": "no"}],
            "“a”: enter true or false for “filterable”.",
        ),
        ([{"name": "a", "label": "A", "type": "flag", "sensitive": 0}], "“a”: enter true or false for “sensitive”."),
    ],
)
def test_a_faulty_schema_is_refused_with_a_sentence(items, fault):
    with pytest.raises(ValidationError) as caught:
        check_schema(items)
    assert fault in caught.value.messages


@pytest.mark.parametrize("name", ["a\n", "a__b", "a_", "_a", "1a", "A", "a-b", "", "a" * 41, 5])
def test_a_name_is_small_letters_digits_and_single_underscores_within(name):
    with pytest.raises(ValidationError, match="Field 1: enter a name"):
        check_schema([{"name": name, "label": "A", "type": "text"}])


@pytest.mark.parametrize("name", ["a", "a1", "a_1", "sr22", "first_time_buyer", "a" * 40])
def test_a_name_of_that_shape_is_good(name):
    check_schema([{"name": name, "label": "A", "type": "text"}])


@pytest.mark.parametrize(
    "name",
    [
        "miles",
        "buy_sort",
        "max_price",
        "quantity",
        "by",
        "lead",
        "after",
        "exclusive",
        "age",
        "filter_fields",
        "loan_min",
        "loan_max",
    ]
    + ["email", "phone", "first_name", "last_name", "captured_at", "external_id", "consent_text", "state", "price"]
    + ["in", "contains", "range", "isnull", "exact", "gt", "gte", "lt", "lte", "has_key"],
)
def test_a_name_that_says_something_already_is_refused(name):
    with pytest.raises(ValidationError, match=f"“{name}” is a reserved name"):
        check_schema([{"name": name, "label": "A", "type": "text"}])


def test_every_name_that_pages_files_and_filters_use_is_reserved():
    parameters = {name for filter_field in common_fields.ENVELOPE.values() for name in parameters_of(filter_field)}
    spans = {name for name in parameters if name.endswith(("_min", "_max"))}
    used = {*common_fields.ENVELOPE, *ENVELOPE_NAMES, *(parameters - spans), *views.BESIDES, *filtering.BESIDES}

    assert used - RESERVED_NAMES == set()
    assert set(common_fields.ENVELOPE) == ASKED


def test_a_field_is_shown_before_the_sale_only_if_its_own_and_the_newest_version_show_it():
    def schema(**sensitive):
        return Schema.from_json(
            [{"name": name, "label": name, "type": "flag", "sensitive": hidden} for name, hidden in sensitive.items()]
        )

    old = schema(always=False, hidden_later=False, dropped_later=False, hidden_then=True)
    newest = schema(added=False, always=False, hidden_later=True, hidden_then=False)

    assert list(old.as_shown_by(newest).by_name) == ["always"]

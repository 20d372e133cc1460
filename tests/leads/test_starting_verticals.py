from collections import Counter

import pytest

from leads.models import FieldSchema, Vertical
from leads.models.vertical import add_schema_version
from leads.schema.check import check_schema
from leads.schema.fields import FieldType, Schema, stored_form
from leads.starting_verticals import load_verticals, read_catalogue

CATALOGUE = read_catalogue()
each_vertical = pytest.mark.parametrize("entry", CATALOGUE, ids=[entry["slug"] for entry in CATALOGUE])


def test_ten_verticals_of_which_only_medicare_is_closed_for_resale():
    assert len(CATALOGUE) == 10
    assert [entry["slug"] for entry in CATALOGUE if not entry["open_for_resale"]] == ["medicare"]


def test_every_type_of_field_occurs():
    assert {field["type"] for entry in CATALOGUE for field in entry["fields"]} == set(FieldType.values)


@each_vertical
def test_fields_are_a_valid_schema_of_8_to_16_with_5_to_9_filters(entry):
    check_schema(entry["fields"])

    schema = Schema.from_json(entry["fields"])
    assert 8 <= len(schema.fields) <= 16
    assert 5 <= len(schema.filterable) <= 9


@each_vertical
def test_no_sensitive_answer_or_free_text_is_filterable_or_shown_before_the_sale(entry):
    hidden = [item for item in Schema.from_json(entry["fields"]) if item.sensitive or item.type == FieldType.TEXT]

    assert [item.name for item in hidden if item.filterable or item.shown_before_sale] == []


@each_vertical
def test_a_column_header_means_one_field(entry):
    def bare(header):
        return "".join(letter for letter in header.lower() if letter.isalnum())

    meanings = Counter(
        header
        for item in Schema.from_json(entry["fields"])
        for header in {bare(name) for name in (item.name, item.label, *item.aliases)}
    )

    assert [header for header, fields in meanings.items() if fields > 1] == []


@pytest.mark.parametrize(
    ("column", "field", "raw", "value"),
    [
        ("LoanAmount", "loan_amount", "28000", 28000),
        ("LoanPurpose", "loan_purpose", "Credit card refinance", "credit_card_refinance"),
        ("CreditGrade", "credit_grade", "C", "C"),
        ("AnnualIncome", "annual_income", "$90,000", 90000),
        ("Housing", "housing", "Mortgage", "mortgage"),
        ("DebtToIncome", "debt_to_income", "18.01", 18.01),
        ("EmploymentYears", "employment_years", "3", 3),
        ("JobTitle", "job_title", "warehouse office clerk", "warehouse office clerk"),
        ("Term", "term", "36", "36"),
    ],
)
def test_a_personal_loan_file_is_read(column, field, raw, value):
    [entry] = [entry for entry in CATALOGUE if entry["slug"] == "personal-loan"]
    item = Schema.from_json(entry["fields"]).by_name[field]

    assert column in item.aliases
    assert item.read(raw) == value


@pytest.mark.django_db
def test_loading_creates_what_the_catalogue_says():
    said = load_verticals()

    assert said == [f"{entry['name']}: created" for entry in CATALOGUE]
    assert list(Vertical.objects.values_list("slug", flat=True)) == [entry["slug"] for entry in CATALOGUE]
    assert {one.vertical.slug: one.fields for one in FieldSchema.objects.select_related("vertical")} == {
        entry["slug"]: stored_form(entry["fields"]) for entry in CATALOGUE
    }


@pytest.mark.django_db
def test_loading_again_changes_nothing():
    load_verticals()
    before = list(Vertical.objects.values()), list(FieldSchema.objects.values())

    said = load_verticals()

    assert said == []
    assert (list(Vertical.objects.values()), list(FieldSchema.objects.values())) == before


@pytest.mark.django_db
def test_what_an_admin_changed_stays_and_is_said():
    load_verticals()
    solar = Vertical.objects.get(slug="solar")
    Vertical.objects.filter(pk=solar.pk).update(window_minutes=45)
    add_schema_version(solar, [{"name": "roof", "label": "Roof", "type": "text"}])

    said = load_verticals()

    solar.refresh_from_db()
    assert said == ["Solar: kept its own window_minutes, fields"]
    assert solar.window_minutes == 45
    assert list(solar.schemas.values_list("version", flat=True)) == [2, 1]

"""What of an answer may be read before the sale."""

import pytest

from leads.models import Lead
from leads.schema.fields import Schema
from leads.schema.labels import headline_fields, money_band, shown_answers
from tests.factories import FIELDS

SCHEMA = Schema.from_json(FIELDS)


@pytest.mark.parametrize(
    ("dollars", "band"),
    [
        (553_000, "$540–560k"),
        (100_000, "$100–120k"),
        (28_000, "$28–30k"),
        (143, "$140–160"),
        (7, "$7–8"),
        (999_999, "$0.98–1M"),
        (1_250_000, "$1.2–1.4M"),
        (9_500, "$9,400–9,600"),
        (0, "$0"),
    ],
)
def test_money_is_shown_as_a_band(dollars, band):
    assert money_band(dollars) == band


def test_sensitive_answers_and_free_text_are_not_shown():
    answers = {
        "purpose": "refinance",
        "loan_amount": 553_000,
        "diagnosis": "a",
        "remark": "call Pat",
        "first_time": True,
    }

    shown = [(answer.name, answer.text) for answer in shown_answers(answers, SCHEMA)]

    assert shown == [("purpose", "Refinance"), ("loan_amount", "$540–560k"), ("first_time", "Yes")]


def test_a_range_of_money_reads_like_a_band():
    lead = Lead(attributes={"property_value": {"min": 280_000, "max": 300_000}})

    assert [answer.text for answer in shown_answers(lead.attributes, SCHEMA)] == ["$280–300k"]


def test_the_columns_of_a_list_begin_with_what_is_wanted_and_how_much():
    assert [field.name for field in headline_fields(SCHEMA)] == ["purpose", "loan_amount"]

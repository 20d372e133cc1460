import pytest

from marketplace.jinja import environment
from marketplace.templatetags.market import cents, count


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "$0.00"),
        (5, "$0.05"),
        (165, "$1.65"),
        (123456, "$1,234.56"),
        (-28400, "\N{MINUS SIGN}$284.00"),
        (-1, "\N{MINUS SIGN}$0.01"),
    ],
)
def test_money_is_written_in_dollars_with_two_decimals(amount, written):
    assert cents(amount) == written


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0"), (1, "<5"), (4, "<5"), (5, "5"), (1234, "1,234"), (10_000_000, "10,000,000")]
)
def test_a_count_under_five_does_not_say_how_few(number, written):
    assert count(number) == written


def test_a_cell_drawn_once_is_drawn_anew_for_other_words():
    cells = environment(autoescape=True).from_string("{% macro said(text) %}<b>{{ text }}</b>{% endmacro %}").module
    once = environment().globals["once"]

    assert once(cells.said, "A & B") == "<b>A &amp; B</b>"
    assert once(cells.said, "C") == "<b>C</b>"

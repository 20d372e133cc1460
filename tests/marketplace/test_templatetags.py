import pytest

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

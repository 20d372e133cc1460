import pytest

from billing.money import dollars


@pytest.mark.parametrize(
    ("cents", "written"),
    [
        (0, "$0.00"),
        (5, "$0.05"),
        (-5, "−$0.05"),
        (123456, "$1,234.56"),
        (-123456, "−$1,234.56"),
        (900_719_925_474_099_301, "$9,007,199,254,740,993.01"),
    ],
)
def test_cents_are_written_in_dollars(cents, written):
    assert dollars(cents) == written

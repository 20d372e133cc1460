import pytest

from leads.places import STATES, city_of, state_code, state_of, zips_within


@pytest.mark.parametrize(
    ("postal_code", "state", "city"),
    [
        ("08825", "NJ", "Frenchtown"),
        ("10001", "NY", "New York"),
        ("00901", "PR", "San Juan"),
        ("09001", "AE", "Apo"),
        ("99999", None, None),
        ("", None, None),
        ("1000", None, None),
    ],
)
def test_a_zip_tells_its_state_and_city(postal_code, state, city):
    assert state_of(postal_code) == state
    assert (city_of(postal_code) or "").title() == (city or "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TX", "TX"),
        ("tx", "TX"),
        (" Texas ", "TX"),
        ("NEW  JERSEY", "NJ"),
        ("D.C.", "DC"),
        ("Calif.", None),
        ("XX", None),
        ("Ontario", None),
        ("", None),
    ],
)
def test_a_state_is_known_by_its_letters_or_its_name(text, code):
    assert state_code(text) == code


def test_every_state_has_two_letters():
    assert len(STATES) == 59
    assert all(len(code) == 2 and code.isupper() for code in STATES)


def test_a_radius_of_nothing_is_the_zip_itself():
    assert "83001" in zips_within("83001", 0.0)


def test_a_radius_reaches_over_the_river_and_no_further():
    near_frenchtown = zips_within("08825", 10)

    assert {"08825", "08848", "18972"} <= near_frenchtown  # Frenchtown, Milford; Upper Black Eddy, Pennsylvania
    assert "10001" not in near_frenchtown
    assert "10001" in zips_within("08825", 60)


def test_a_wider_radius_holds_the_narrower_one():
    assert zips_within("60601", 5) < zips_within("60601", 25) < zips_within("60601", 100)


def test_a_military_zip_lies_nowhere_but_at_itself():
    assert zips_within("09001", 500) == {"09001"}


def test_a_zip_that_does_not_exist_has_no_surroundings():
    assert zips_within("99999", 100) == frozenset()

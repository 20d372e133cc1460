from datetime import UTC, datetime, timedelta, timezone

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.people import identity


@pytest.mark.parametrize(
    ("raw", "phone"),
    [
        ("(484) 803-7155", "+14848037155"),
        ("484.803.7155", "+14848037155"),
        ("484-803-7155", "+14848037155"),
        ("4848037155", "+14848037155"),
        ("14848037155", "+14848037155"),
        ("+1 484 803 7155", "+14848037155"),
        ("1-484-803-7155", "+14848037155"),
        ("(484) 803-7155 x75", "+14848037155"),
        ("  484 803 7155 ext. 9", "+14848037155"),
        ("(983) 637-3486", "+19836373486"),  # an area code younger than the library's lists
        ("(983) 137-3486", None),
        ("(803) ", None),
        ("573636", None),
        ("000-000-0000", None),
        ("111-111-1111", None),
        ("+44 20 7946 0958", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_a_phone_has_one_form(raw, phone):
    assert identity.normal_phone(raw) == phone


@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True))
def test_ten_digits_that_the_library_takes_are_read_as_it_reads_them(digits):
    number = phonenumbers.parse(digits, "US")

    if phonenumbers.is_valid_number(number):
        assert identity.normal_phone(digits) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    else:
        assert identity.normal_phone(digits) in (None, f"+1{digits}")


@pytest.mark.parametrize(
    ("phone", "fictional"),
    [("+12125550100", True), ("+12125550199", True), ("+12125550200", False), ("+12125540150", False)],
)
def test_numbers_kept_for_fiction_are_known(phone, fictional):
    assert identity.is_fictional(phone) is fictional


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        ("Pat.Example@Example.COM", "pat.example@example.com"),
        ("  pat+loans@example.com ", "pat+loans@example.com"),
        ("pat_e-x@sub.example.org", "pat_e-x@sub.example.org"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("pat at example.com", None),
        ("pat@example", None),
        ("pat@@example.com", None),
        (".pat@example.com", None),
        ("pat..e@example.com", None),
        ("pat@exam ple.com", None),
        ("pat@localhost", None),
        ("@example.com", None),
        ("a" * 65 + "@example.com", None),
        ("a" * 60 + "@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + "." + "e" * 60 + ".com", None),
        ("", None),
    ],
)
def test_an_address_has_one_form(raw, email):
    assert identity.normal_email(raw) == email


def test_the_inner_hash_is_the_one_the_state_publishes():
    assert identity.public_hash("4155559317") == "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E="


def test_digests_are_keyed_and_of_a_kind(settings):
    before = identity.phone_digest("+14155559317")
    assert len(before) == 32
    assert before != identity.email_digest("4155559317")

    settings.DIGEST_KEY = "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgISE="
    assert identity.phone_digest("+14155559317") != before


def test_a_fingerprint_is_of_the_instant_whatever_its_zone():
    in_utc = datetime(2026, 11, 2, 22, 27, 30, tzinfo=UTC)
    eastern = in_utc.astimezone(timezone(timedelta(hours=-5)))

    first = identity.request_fingerprint("mortgage", "+14848037155", "", in_utc)

    assert first == identity.request_fingerprint("mortgage", "+14848037155", "", eastern)
    assert first.startswith("fp:") and len(first) == 67


@pytest.mark.parametrize(
    "other",
    [
        ("solar", "+14848037155", "a@example.com", 0),
        ("mortgage", "+14848037156", "a@example.com", 0),
        ("mortgage", "+14848037155", "b@example.com", 0),
        ("mortgage", "+14848037155", "a@example.com", 1),
    ],
)
def test_a_fingerprint_differs_with_each_of_its_parts(other):
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    vertical, phone, email, seconds = other

    assert identity.request_fingerprint("mortgage", "+14848037155", "a@example.com", noon) != (
        identity.request_fingerprint(vertical, phone, email, noon + timedelta(seconds=seconds))
    )

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from leads.intake.importing.instants import read_instant
from leads.intake.importing.residence import Residence, read_residence
from leads.models import ClosedReason, Lead, PhoneType, Suppression
from leads.people.identity import email_digest, keyed_id, phone_digest
from leads.schema.fields import BadValue
from tests.factories import make_text
from tests.leads.intake.importing.files import as_csv, counts, imported, problems, row, uploaded, worked

NEW_YORK = ZoneInfo("America/New_York")
LATEST = datetime(2026, 12, 1, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "doubt"),
    [
        ("2026-11-02T22:27:30Z", utc(2026, 11, 2, 22, 27, 30), ""),
        ("2026-11-02T22:27:30+02:00", utc(2026, 11, 2, 20, 27, 30), ""),
        ("2026-11-02T22:27:30.250-0500", utc(2026, 11, 3, 3, 27, 30, 250000), ""),
        ("2026-10-08 07:22:52", utc(2026, 10, 8, 11, 22, 52), ""),
        ("2026-01-08 07:22", utc(2026, 1, 8, 12, 22), ""),
        ("11/15/2026 21:44", utc(2026, 11, 16, 2, 44), ""),
        ("11/15/2026 9:44:10 PM", utc(2026, 11, 16, 2, 44, 10), ""),
        ("11/15/2026 12:05am", utc(2026, 11, 15, 5, 5), ""),
        ("7-4-26, 12:00 p.m.", utc(2026, 7, 4, 16, 0), ""),
        ("1790000000", datetime.fromtimestamp(1790000000, UTC), ""),
        ("1790000000123", datetime.fromtimestamp(1790000000, UTC), ""),
        ("2026-07-04", utc(2026, 7, 4, 4), "has no time of day"),
        ("07/04/2026", utc(2026, 7, 4, 4), "has no time of day"),
        ("2026-07-04 00:00:00", utc(2026, 7, 4, 4), ""),
        # clocks go back on November 1: of the two the first is taken
        ("2026-11-01 01:30:00", utc(2026, 11, 1, 5, 30), "is in the hour when the clocks change"),
        ("2026-11-01 00:59:59", utc(2026, 11, 1, 4, 59, 59), ""),
        ("2026-11-01 02:00:00", utc(2026, 11, 1, 7, 0), ""),
        # clocks go forward on March 8: half past two does not exist
        ("2026-03-08 02:30:00", utc(2026, 3, 8, 7, 30), "is in the hour when the clocks change"),
        ("2026-03-08 03:00:00", utc(2026, 3, 8, 7, 0), ""),
    ],
)
def test_an_instant_is_read_in_the_zone_of_the_file(text, at, doubt):
    instant = read_instant(text, NEW_YORK, latest=LATEST)
    assert (instant.at, instant.doubt) == (at, doubt)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("n/a", "is not a valid date and time"),
        ("yesterday", "is not a valid date and time"),
        ("31/12/2026 10:00", "is not a valid date and time"),
        ("2026-02-30 10:00:00", "is not a valid date and time"),
        ("11/15/2026 13:00 PM", "is not a valid date and time"),
        ("20261115", "is not a valid date and time"),
        ("2026-W45-1", "is not a valid date and time"),
        ("1999-12-31T23:59:59Z", "is before the year 2000"),
        ("0001-01-01T00:00:00+10:00", "is not a valid date and time"),
        ("2026-12-01T00:00:01Z", "is in the future"),
    ],
)
def test_an_instant_that_cannot_be_is_refused(text, reason):
    with pytest.raises(BadValue) as caught:
        read_instant(text, NEW_YORK, latest=LATEST)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("state", "postal_code", "city", "read"),
    [
        ("OH", "45402", "Dayton", Residence("OH", "45402")),
        ("ohio", "45402-1234", "", Residence("OH", "45402")),
        ("OH", "454021234", "", Residence("OH", "45402")),
        ("", "45402", "", Residence("OH", "45402")),
        ("OH", "", "", Residence("OH", "")),
        ("NJ", "8825", "Frenchtown", Residence("NJ", "08825")),
        ("PR", "901", "", Residence("PR", "00901")),
        ("Calif.", "12987", "", Residence("NY", "12987", (("state", "is not a US state"),))),
        ("OH", "99999", "", Residence("OH", "", (("postal_code", "is not a valid ZIP code"),))),
        ("OH", "8825", "", Residence("OH", "", (("postal_code", "is not a valid ZIP code"),))),
        ("ny", "90068", "Los Angeles", Residence("CA", "90068", (("state", "does not match the ZIP code and city"),))),
        ("NY", "90068", "Albany", Residence("NY", "", (("postal_code", "is in another state"),))),
        ("NY", "90068", "", Residence("NY", "", (("postal_code", "is in another state"),))),
        ("", "8825", "", Residence(None, "", (("postal_code", "is not a valid ZIP code"),))),
        ("", "", "", Residence(None, "")),
    ],
)
def test_state_and_zip_help_each_other(state, postal_code, city, read):
    assert read_residence(state, postal_code, city) == read


def test_a_sound_row_becomes_a_lead_with_everything(market):
    run = imported(market, [row()])

    assert counts(run) == (1, 0, 0, 0)
    assert problems(run) == []
    lead = Lead.objects.get()
    assert (lead.state, lead.postal_code, lead.captured_at) == ("OH", "45402", utc(2026, 10, 8, 7, 28, 7))
    assert lead.attributes == {"purpose": "refinance", "loan_amount": 250000, "remark": "calls after five"}
    assert (lead.legs_authorized, lead.times_sold, lead.legs_left, lead.flags) == (4, 1, 3, [])
    assert lead.legs.get(number=1).closed_reason == ClosedReason.SOLD_ELSEWHERE
    assert (lead.source, lead.import_run, lead.duplicate_of) == (market.source, run, None)
    person = lead.contact.open(str(lead.public_id))
    assert (person.full_name, person.phone, person.email) == ("Pat Example1", "+19372000001", "pat1@example.com")
    assert (person.street, person.city) == ("1 Elm Street", "Dayton")
    assert lead.consent.page == "https://quotes.example.com/mortgage"
    assert (lead.consent.text, lead.consent.given_at) == (market.text, lead.captured_at)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"Phone": "", "Email": ""}, "phone", "has no usable phone number or email address"),
        ({"Phone": "573636", "Email": "x at y"}, "phone", "has no usable phone number or email address"),
        ({"Phone": "937-555-0100", "Email": ""}, "phone", "has no usable phone number or email address"),
        ({"SubmittedAt": ""}, "captured_at", "is missing"),
        ({"SubmittedAt": "n/a"}, "captured_at", "is not a valid date and time"),
        ({"SubmittedAt": "2999-01-01T00:00:00Z"}, "captured_at", "is in the future"),
        ({"SubmittedAt": "1999-01-01T00:00:00Z"}, "captured_at", "is before the year 2000"),
        ({"State": "XX", "Zip": ""}, "state", "is missing or unknown, and so is the ZIP code"),
        ({"State": "", "Zip": "99999"}, "state", "is missing or unknown, and so is the ZIP code"),
        ({"ConsentText": ""}, "consent_text", "is missing: no known consent"),
        ({"ConsentText": "v9"}, "consent_text", "is not a text of this source"),
        ({"LegsAuthorized": "6"}, "legs_authorized", "the consent text allows 1 to 5"),
        ({"LegsAuthorized": "0"}, "legs_authorized", "the consent text allows 1 to 5"),
        ({"LegsAuthorized": "many"}, "legs_authorized", "is not a whole number of companies"),
        ({"LegsSold": "5"}, "legs_sold", "is more than the consent allows"),
        ({"LegsSold": "-1"}, "legs_sold", "is not a whole number of companies"),
        ({"Remark": "x" * 10_001}, "row", "has a cell with more than 10,000 characters"),
    ],
)
def test_what_a_lead_cannot_be_without_refuses_the_row(market, changes, field, reason):
    run = imported(market, [row(1, **changes), row(2)])

    assert counts(run) == (1, 0, 1, 0)
    assert problems(run) == [(1, "refused", field, reason)]
    assert Lead.objects.count() == 1


def test_every_reason_to_refuse_a_row_is_told(market):
    run = imported(market, [row(Phone="", Email="", SubmittedAt="n/a", State="", Zip="", ConsentText="")])

    assert counts(run) == (0, 0, 1, 0)
    assert [field for _, _, field, _ in problems(run)] == ["phone", "captured_at", "state", "consent_text"]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"Phone": "573636"}, "phone", "is not a valid phone number"),
        ({"Phone": "937-555-0100"}, "phone", "is a fictional number"),
        ({"Phone": "(937) 200-0001 x75"}, "phone", "has an extension, which we do not store"),
        ({"Email": "pat at example.com"}, "email", "is not a valid email address"),
        ({"First Name": "=1+1"}, "first_name", "looks like a formula"),
        ({"State": "Calif."}, "state", "is not a US state"),
        ({"Zip": "99999"}, "postal_code", "is not a valid ZIP code"),
        ({"State": "NY"}, "state", "does not match the ZIP code and city"),
        ({"State": "NY", "City": "Albany"}, "postal_code", "is in another state"),
        ({"SubmittedAt": "2026-10-08"}, "captured_at", "has no time of day"),
        ({"Purpose": "boat"}, "purpose", "is not one of the choices"),
        ({"LoanAmount": "1e5"}, "loan_amount", "is not a number"),
        ({"LoanAmount": "-5"}, "loan_amount", "is below the minimum for this field"),
        ({"Remark": '=HYPERLINK("http://evil.example")'}, "remark", "looks like a formula"),
        ({"LegsAuthorized": ""}, "legs_authorized", "is missing, so we used 4"),
        ({"LegsSold": ""}, "legs_sold", "is missing, so we used 0"),
        ({"ConsentUrl": "javascript:alert(1)"}, "consent_page", "is not a valid web address"),
        ({"IP": "999.1.1.1"}, "ip_address", "is not a valid IP address"),
        ({"trustedform_url": "https://evil.example/abc"}, "trustedform_url", "is not a TrustedForm certificate URL"),
        ({"Jornaya LeadiD": "abc"}, "leadid_token", "is not a valid LeadiD"),
        ({"Line Type": "fax"}, "phone_type", "is not a known phone type"),
        ({"Consent Date": "soon"}, "consent_at", "is not a valid date and time"),
    ],
)
def test_any_other_bad_field_is_left_out_and_flagged(market, changes, field, reason):
    run = imported(market, [row(1, **changes)])

    assert counts(run) == (0, 1, 0, 0)
    assert problems(run) == [(1, "flagged", field, reason)]
    lead = Lead.objects.get()
    assert lead.flags == [f"{field}:{reason}"[:60]]
    assert field not in lead.attributes


@pytest.mark.parametrize(
    "changes",
    [
        {"Zip": ""},
        {"State": ""},
        {"State": "ohio"},
        {"State": " oh "},
        {"Zip": "45402-0001"},
        {"Purpose": "", "LoanAmount": "", "Remark": ""},
        {"Phone": ""},
        {"Email": ""},
        {"IP": ""},
        {"Phone": "+1 937.200.0001"},
        {"SubmittedAt": "10/08/2026 07:28"},
        {"LegsSold": "4"},
        {"ConsentText": "V3"},
    ],
)
def test_a_sound_row_is_never_flagged(market, changes):
    run = imported(market, [row(1, **changes)])

    assert (counts(run), problems(run)) == ((1, 0, 0, 0), [])


def test_a_second_phone_steps_in_for_the_first(market):
    run = imported(market, [row(Phone="573636", Email="", **{"Phone 2": "937-200-0044"})])

    assert counts(run) == (0, 1, 0, 0)
    lead = Lead.objects.get()
    person = lead.contact.open(str(lead.public_id))
    assert (person.phone, person.second_phone) == ("+19372000044", "")


def test_evidence_is_kept_with_the_lead(market):
    certificate = "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985"
    token = "0e1b3ac4-4f6b-4c2d-9a0e-8f6f8f3f1b2a"
    imported(
        market,
        [
            row(
                trustedform_cert_url=f"{certificate}?x=1",
                universal_leadid=token.upper(),
                tcpa_timestamp="2026-10-08 03:27:00",
                user_agent="Mozilla/5.0",
                line_type="Wireless",
                cert_retained_until="2031-10-08",
            )
        ],
    )

    lead = Lead.objects.get()
    assert (lead.flags, lead.phone_type) == ([], PhoneType.MOBILE)
    assert (lead.consent.trustedform_url, str(lead.consent.leadid_token)) == (certificate, token)
    assert lead.consent.given_at == utc(2026, 10, 8, 7, 27)
    assert lead.consent.retained_until.isoformat() == "2031-10-08"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://quotes.example.com/form/", "https://quotes.example.com/form/"),
        ("https://quotes.example.com/2026/11/22", "https://quotes.example.com/2026/11/22"),
        ("https://quotes.example.com/thanks/pat@example.com", "https://quotes.example.com"),
        ("https://quotes.example.com/thanks/pat%40example.com", "https://quotes.example.com"),
        ("https://quotes.example.com/thanks/pat%2540example.com", "https://quotes.example.com"),
        ("https://quotes.example.com/thanks/2000001", "https://quotes.example.com"),
        ("https://quotes.example.com/thanks/937-200-0001", "https://quotes.example.com"),
    ],
)
def test_of_a_page_whose_path_may_hold_a_person_only_the_host_is_kept(market, given, kept):
    run = imported(market, [row(1, ConsentUrl=given)])

    assert counts(run) == (1, 0, 0, 0)
    assert Lead.objects.get().consent.page == kept


@pytest.mark.parametrize("given", ["pat1@example.com", "(937) 200-0001", "19372000001", "+1 937.200.0001"])
def test_an_id_that_says_who_somebody_is_is_kept_as_a_digest(market, given):
    first = imported(market, [row(1, **{"Lead ID": given})])
    again = imported(market, [row(1, **{"Lead ID": given}, SubmittedAt="2026-10-09T07:28:07Z")])

    assert (counts(first), counts(again)) == ((1, 0, 0, 0), (0, 0, 0, 1))
    assert Lead.objects.get().external_id == keyed_id(given)
    assert keyed_id(given) != keyed_id(given + "x")


@pytest.mark.parametrize("given", ["A-1002", "12345", "1001234567", "0e1b3ac4-4f6b-4c2d-9a0e-8f6f8f3f1b2a"])
def test_any_other_id_is_kept_as_it_is(market, given):
    imported(market, [row(1, **{"Lead ID": given})])

    assert Lead.objects.get().external_id == given


def test_a_certificate_proves_one_request_only(market):
    certificate = "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985"

    run = imported(market, [row(1, trustedform_url=certificate), row(2, trustedform_url=certificate)])

    assert counts(run) == (1, 0, 1, 0)
    assert problems(run) == [(2, "refused", "trustedform_url", "already proves another request")]


def test_a_default_consent_text_counts_only_where_no_column_says(market):
    text = make_text(market.source, most_companies=2, version="all")

    run = imported(market, [row(1, ConsentText=None, LegsAuthorized=None, LegsSold=None)], default_consent_text=text)
    blank = imported(market, [row(2, ConsentText="")], default_consent_text=text)

    assert counts(run) == (1, 0, 0, 0)
    lead = Lead.objects.get()
    assert (lead.consent.text, lead.legs_authorized) == (text, 2)  # the vertical's four, capped by the words
    assert problems(blank) == [(1, "refused", "consent_text", "is missing: no known consent")]


def test_someone_who_asked_not_to_be_sold_is_refused(market):
    Suppression.objects.create(kind="phone", digest=phone_digest("+19372000001"), reason="own_stop")
    Suppression.objects.create(kind="email", digest=email_digest("pat2@example.com"), reason="drop")

    run = imported(market, [row(1), row(2), row(3)])

    assert counts(run) == (1, 0, 2, 0)
    reason = "is from a person who opted out or is on a suppression list"
    assert {problem[2:] for problem in problems(run)} == {("row", reason)}


def test_the_same_person_within_the_window_is_linked(market):
    run = imported(
        market,
        [
            row(1, SubmittedAt="2026-09-01T00:00:00Z"),
            row(1, SubmittedAt="2026-10-01T00:00:00Z"),
            row(1, SubmittedAt="2026-07-01T00:00:00Z"),
            row(1, SubmittedAt="2026-10-01T00:00:00Z", Phone="(937) 299-0000"),
        ],
    )

    assert counts(run) == (2, 0, 0, 2)
    first, linked, other = Lead.objects.order_by("pk")
    assert (first.duplicate_of, linked.duplicate_of, other.duplicate_of) == (None, first, None)
    assert linked.captured_at - first.captured_at == timedelta(days=market.vertical.duplicate_window_days)
    assert problems(run) == [
        (2, "duplicate", "row", "is from a person with another request within 30 days"),
        (4, "duplicate", "row", "is a request that we already have"),
    ]


def test_a_linked_duplicate_with_a_bad_field_counts_once_and_reports_both(market):
    run = imported(market, [row(1), row(1, SubmittedAt="2026-10-09T00:00:00Z", Purpose="boat")])

    assert counts(run) == (1, 0, 0, 1)
    assert [problem[1:3] for problem in problems(run)] == [("duplicate", "row"), ("flagged", "purpose")]


@pytest.mark.parametrize(("line", "reason"), [("a,b", "has too few cells"), ("," * 16 + "x,y", "has too many cells")])
def test_a_ragged_row_is_refused(market, line, reason):
    run = worked(uploaded(market, as_csv([row(1)]) + line.encode() + b"\r\n"))

    assert counts(run) == (1, 0, 1, 0)
    assert problems(run) == [(2, "refused", "row", reason)]


def test_empty_cells_past_the_last_column_do_no_harm(market):
    data = as_csv([row(1)]).replace(b"192.0.2.7", b"192.0.2.7,,")
    assert counts(worked(uploaded(market, data))) == (1, 0, 0, 0)

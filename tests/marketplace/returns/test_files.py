"""Files of leads to return: previewed row by row first, then done as shown, once."""

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from marketplace.models import Return
from marketplace.returns.claims import Claim
from marketplace.returns.files import ClaimRow, FileRefused, open_rows, read_file, sealed_rows
from tests.factories import digest_of, make_buyer
from tests.marketplace.returns.return_cases import buy, generous, lead_of, standing, suppress_at

pytestmark = pytest.mark.django_db

WORDS = "Pat’s line is <dead>"


@pytest.fixture
def browser(client, market):
    client.force_login(market.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def order(market):
    return buy(market, 5)


def text(response):
    return response.content.decode()


def as_file(*rows, header=("Lead ID", "Reason code", "Words")):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return SimpleUploadedFile("back.csv", out.getvalue().encode(), "text/csv")


def sent(browser, shown):
    return browser.post("/returns/file/send/", {"rows": shown.context["sealed"]})


def test_a_file_is_shown_first_and_done_as_shown(browser, market, order):
    generous(market, 20)
    leads = [lead_of(order, place) for place in range(3)]
    suppress_at(digest_of(leads[1]), market.now)
    before = standing(market)
    file = as_file(
        (leads[0].public_id, "disconnected", WORDS),
        (leads[1].public_id, "Stopped_Before", ""),
        ("no-id", "disconnected", WORDS),
        (leads[2].public_id, "", WORDS),
        (leads[2].public_id, "disconnected", WORDS),
        (leads[0].public_id, "made-up", WORDS),
        (uuid.uuid4(), "made-up", WORDS),
    )

    shown = browser.post("/returns/file/", {"file": file})

    assert standing(market) == before
    tally = shown.context["tally"]
    assert (len(shown.context["rows"]), len(tally.credited), len(tally.waiting)) == (7, 1, 1)
    problems = [(one.row.number, one.problem) for one in shown.context["problems"]]
    assert [number for number, _ in problems] == [3, 4, 5, 6, 7]
    for (_, problem), said in zip(
        problems, ["lead ID", "reason code", "You can return", "appears earlier", "buy"], strict=True
    ):
        assert said in problem
    assert len(tally.credited) + len(tally.waiting) + len(problems) == 7

    done = sent(browser, shown)

    assert [(one.row.number, one.problem) for one in done.context["problems"]] == problems
    assert sorted(Return.objects.values_list("sale__lead", "status")) == [
        (leads[0].pk, "asked"),
        (leads[1].pk, "credited"),
    ]
    assert Return.objects.get(status="asked").steps.get().words == WORDS


def test_a_file_that_is_sent_twice_hands_back_once(browser, market, order):
    shown = browser.post("/returns/file/", {"file": as_file((lead_of(order).public_id, "disconnected", WORDS))})

    sent(browser, shown)
    before = standing(market)
    again = sent(browser, shown)

    assert standing(market) == before
    assert [one.problem[:31] for one in again.context["problems"]] == ["This lead was already returned."]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (("Lead ID", "Words"), "The column “reason” is missing"),
        (("Reason", "Words"), "The column “lead” is missing"),
        (("Lead", "ID", "Reason"), "Two columns match “lead”"),
    ],
)
def test_a_file_without_its_columns_is_refused_whole(browser, header, said):
    answer = browser.post("/returns/file/", {"file": as_file(("x",) * len(header), header=header)})

    assert (answer.status_code, said in text(answer)) == (422, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"lead,reason\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "not a CSV or XLSX file"),
    ],
)
def test_what_is_no_list_is_refused_whole(browser, content, said):
    answer = browser.post("/returns/file/", {"file": SimpleUploadedFile("x.csv", content)})

    assert (answer.status_code, said in text(answer)) == (422, True)


def test_columns_are_found_by_name_in_any_order_and_spelling():
    lead = uuid.uuid4()
    file = io.BytesIO(
        f"note;CODE;extra;lead_id\nDead;Wrong_Person;x;{str(lead).upper()}\n\n;made-up;;{lead}\n".encode()
    )

    rows = read_file(file, 200)

    assert rows == [ClaimRow(1, Claim(lead, "wrong-person", "Dead")), ClaimRow(2, Claim(lead, "made-up", ""))]


def test_a_file_is_of_bounded_size():
    with pytest.raises(FileRefused, match="larger than 2 MB"):
        read_file(io.BytesIO(b"lead,reason\n"), 2 * 1024 * 1024 + 1)
    rows = b"lead,reason\n" + f"{uuid.uuid4()},x\n".encode() * 2_001
    with pytest.raises(FileRefused, match="more than 2,000 rows"):
        read_file(io.BytesIO(rows), len(rows))
    assert len(read_file(io.BytesIO(rows.rsplit(b"\n", 2)[0]), len(rows))) == 2_000


def test_what_was_looked_at_opens_for_its_company_within_the_hour_and_unaltered(market):
    rows = [ClaimRow(1, Claim(uuid.uuid4(), "made-up", WORDS)), ClaimRow(2, None, "Enter a reason code.")]
    sealed = sealed_rows(rows, buyer=market.buyer, now=market.now)
    last = market.now + timedelta(hours=1)

    assert open_rows(sealed, buyer=market.buyer, now=last - timedelta(microseconds=1)) == rows
    assert "Pat" not in sealed
    for text_, buyer, instant in (
        (sealed, make_buyer(), market.now),
        (sealed[:-6] + "AAAA==", market.buyer, market.now),
        ("", market.buyer, market.now),
        ("…", market.buyer, market.now),
        (sealed, market.buyer, last),
    ):
        with pytest.raises(FileRefused):
            open_rows(text_, buyer=buyer, now=instant)


def test_a_list_that_cannot_be_opened_is_asked_for_again(browser, market):
    answer = browser.post("/returns/file/send/", {"rows": "nonsense"})

    assert answer.url == "/returns/file/"
    assert "Upload the file again" in text(browser.get(answer.url))

"""A company's own customers: what is read of a file, what is kept of it, and how a list comes and goes."""

import base64
import hashlib
import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from buyers.models import Approval, CustomerList, OwnCustomer
from buyers.own_customers import list_job
from buyers.own_customers.columns import ColumnsUnclear
from buyers.own_customers.digests import digest_of_phone
from buyers.own_customers.lists import LEAST_PEOPLE, MOST_A_DAY, ListRefused, Upload, receive, remove, remove_all
from buyers.own_customers.tasks import resume_customers
from leads.intake.importing.converting import SheetRefused
from leads.people.identity import email_digest, phone_digest
from tests.leads.intake.importing.files import as_csv, as_xlsx
from tests.refusal import everything, refused_by

pytestmark = pytest.mark.django_db

PEOPLE = 30


def phone(number):
    return f"(937) 200-{number:04d}"


def email(number):
    return f"pat{number}@example.com"


def rows(first=1, people=PEOPLE, **more):
    return [
        {"Name": f"Pat {number}", "Phone": phone(number), "E-mail": email(number), **more}
        for number in range(first, first + people)
    ]


def upload(data, name="customers.csv", **columns):
    return Upload(io.BytesIO(data), name, **columns)


def digests_of(numbers):
    return {phone_digest(f"+1937200{number:04d}") for number in numbers} | {
        email_digest(email(number)) for number in numbers
    }


def kept_digests():
    return {bytes(digest) for digest in OwnCustomer.objects.values_list("digest", flat=True)}


def sha256(text):
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    stored = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "files")},
    }
    settings.STORAGES = {**settings.STORAGES, "default": stored}
    return tmp_path / "files"


@pytest.fixture
def approved(company, mortgage, now):
    Approval.objects.create(buyer=company, vertical=mortgage, status="granted", decided_at=now)
    return company


@pytest.fixture
def send(approved, owner, now):
    def send(data, *, at=now, name="customers.csv", **columns):
        return receive(upload(data, name, **columns), buyer=approved, user=owner, now=at)

    return send


@pytest.fixture
def read(send):
    """A list that was sent and read."""

    def read(data, **changes):
        made = send(data, **changes)
        while list_job.work_on(made.pk):
            pass
        return CustomerList.objects.get(pk=made.pk)

    return read


# --- What is read of a file


def test_a_list_becomes_the_digests_that_contacts_have(read):
    made = read(as_csv(rows()))

    assert kept_digests() == digests_of(range(1, PEOPLE + 1))
    assert (made.status, made.rows_total, made.rows_read, made.taken, made.refused, made.people) == (
        ("done", PEOPLE, PEOPLE, PEOPLE, 0, PEOPLE)
    )
    assert made.done_at is not None


@pytest.mark.parametrize("spelling", ["hex", "HEX", "base64"])
def test_public_hashes_give_the_same_digests_as_what_they_hide(read, spelling):
    def written(text):
        digest = sha256(text)
        return {"hex": digest.hex(), "HEX": digest.hex().upper(), "base64": base64.b64encode(digest).decode()}[spelling]

    read(
        as_csv(
            [
                {"phone_sha256": written(f"937200{number:04d}"), "Hashed Email": written(email(number))}
                for number in range(1, PEOPLE + 1)
            ]
        )
    )

    assert kept_digests() == digests_of(range(1, PEOPLE + 1))


def test_base64_with_idle_bits_set_is_the_same_hash():
    written = base64.b64encode(sha256("9372000001")).decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = written[:-2] + alphabet[alphabet.index(written[-2]) + 1] + "="

    assert base64.b64decode(other) == base64.b64decode(written)
    assert digest_of_phone(other) == digest_of_phone(written) == phone_digest("+19372000001")


def test_a_workbook_is_read_like_its_csv(read):
    read(as_xlsx(rows()), name="customers.xlsx")

    assert kept_digests() == digests_of(range(1, PEOPLE + 1))


def test_every_column_called_like_a_phone_counts(read):
    made = [
        {"Home Phone": phone(number), "Mobile": phone(number + 500), "Phone 3": phone(number + 1000)}
        for number in range(1, PEOPLE + 1)
    ]

    read(as_csv(made))

    expected = {
        phone_digest(f"+1937200{number + shift:04d}") for number in range(1, PEOPLE + 1) for shift in (0, 500, 1000)
    }
    assert kept_digests() == expected


def test_a_column_is_known_by_what_it_holds_where_its_name_does_not_tell(read):
    read(as_csv([{"a": f"Pat {number}", "b": email(number)} for number in range(1, PEOPLE + 1)]))

    assert kept_digests() == {email_digest(email(number)) for number in range(1, PEOPLE + 1)}


def test_the_senders_word_about_a_column_wins(read):
    made = [{"Phone": phone(number), "Kunde": phone(number + 500)} for number in range(1, PEOPLE + 1)]

    read(as_csv(made), phone="kunde")

    assert kept_digests() == {phone_digest(f"+1937200{number + 500:04d}") for number in range(1, PEOPLE + 1)}


def test_bad_rows_are_told_by_number_and_never_by_what_they_say(read):
    made = read(
        as_csv(
            [
                *rows(),
                {"Name": "A", "Phone": "12", "E-mail": ""},
                {"Name": "B", "Phone": "", "E-mail": ""},
                {"Name": "C", "Phone": phone(1), "E-mail": "nobody"},
                {"Name": "D", "Phone": phone(1), "E-mail": ""},
            ]
        )
    )

    assert (made.rows_read, made.taken, made.refused, made.people) == (PEOPLE + 4, PEOPLE + 2, 2, PEOPLE)
    assert made.problems == [
        [PEOPLE + 1, "is not a valid phone number or the hash of one"],
        [PEOPLE + 2, "has no phone number or email address"],
        [PEOPLE + 3, "is not a valid email address or the hash of one"],
    ]


# --- What is refused, and leaves nothing


def nothing_kept(files):
    assert not CustomerList.objects.exists()
    assert not OwnCustomer.objects.exists()
    assert [path for path in files.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("data", "refusal", "message"),
    [
        (b"", SheetRefused, "The file is empty."),
        (as_csv([{"Name": "Pat"}]), ColumnsUnclear, "We cannot tell which column"),
        (as_csv(rows()).partition(b"\n")[2], ColumnsUnclear, "The first row of the file must name its columns"),
        (as_csv(rows(people=LEAST_PEOPLE - 1)), ListRefused, "We found 24."),
        (as_csv(rows(people=1) * 100), ListRefused, "We found 1."),
    ],
)
def test_what_is_no_list_is_refused_and_not_kept(send, files, data, refusal, message):
    with pytest.raises(refusal, match=message):
        send(data)

    nothing_kept(files)


def test_a_column_that_is_not_there_is_refused(send, files):
    with pytest.raises(ColumnsUnclear, match="no column “Cell 9”"):
        send(as_csv(rows()), phone="Cell 9")

    nothing_kept(files)


def test_a_company_that_may_buy_nothing_sends_no_list(company, owner, now, files):
    with pytest.raises(ListRefused, match="once your company is approved for a vertical"):
        receive(upload(as_csv(rows())), buyer=company, user=owner, now=now)

    nothing_kept(files)


def test_a_closed_company_sends_no_list(approved, owner, now, files):
    approved.closed_at = now
    approved.save()

    with pytest.raises(ListRefused, match="once your company is approved for a vertical"):
        receive(upload(as_csv(rows())), buyer=approved, user=owner, now=now)

    nothing_kept(files)


def test_lists_are_few_a_day_though_they_are_removed_again(read, send, now):
    for number in range(MOST_A_DAY):
        remove(read(as_csv(rows(first=number * 100 + 1))), now=now)
    before = everything()

    with pytest.raises(ListRefused, match="at most 5 lists in 24 hours"):
        send(as_csv(rows(first=5000)))

    assert everything() == before
    assert read(as_csv(rows(first=5000)), at=now + timedelta(hours=24, seconds=1)).people == PEOPLE


def test_one_list_is_read_at_a_time(send, files):
    send(as_csv(rows()))

    with pytest.raises(ListRefused, match="still reading your last list"):
        send(as_csv(rows(first=100)))

    assert CustomerList.objects.count() == 1
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1


def test_the_same_file_again_is_the_same_list(read, send):
    made = read(as_csv(rows()))
    before = everything()

    assert send(as_csv(rows())).pk == made.pk
    assert everything() == before


def test_a_file_that_was_removed_may_be_sent_again(read, now):
    remove(read(as_csv(rows())), now=now)

    assert read(as_csv(rows())).people == PEOPLE


# --- Reading


def test_the_file_is_kept_sealed_until_it_is_read_and_no_longer(send, files):
    made = send(as_csv(rows()))
    (path,) = (path for path in files.rglob("*") if path.is_file())
    assert b"pat1@" not in path.read_bytes()

    assert not list_job.work_on(made.pk)

    assert not path.exists()
    assert CustomerList.objects.get().stored_as == ""


def test_nothing_plain_is_in_the_database(read):
    read(as_csv(rows()))

    said = repr(everything()).lower()
    for plain in ("pat1@example.com", "9372000001", "937) 200-0001", "pat 1"):
        assert plain not in said
    for hashed in (sha256("9372000001"), sha256("pat1@example.com")):
        assert hashed.hex() not in said
        assert repr(hashed)[2:-1].lower() not in said


def test_a_reading_goes_on_where_a_killed_worker_left_it(send, monkeypatch):
    monkeypatch.setattr(list_job, "BATCH", 10)
    made = send(as_csv([*rows(), {"Name": "", "Phone": "12", "E-mail": ""}]))
    writes = []
    write = list_job._write

    def killed_at_the_third(mine, digests):
        writes.append(len(digests))
        if len(writes) == 3:
            raise KeyboardInterrupt
        return write(mine, digests)

    monkeypatch.setattr(list_job, "_write", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        list_job.work_on(made.pk)
    made.refresh_from_db()
    assert (made.status, made.rows_read, OwnCustomer.objects.count()) == ("reading", 20, 40)
    monkeypatch.undo()

    assert not list_job.work_on(made.pk)

    made.refresh_from_db()
    assert (made.status, made.rows_read, made.taken, made.refused, made.people) == ("done", 31, 30, 1, 30)
    assert made.problems == [[31, "is not a valid phone number or the hash of one"]]
    assert kept_digests() == digests_of(range(1, PEOPLE + 1))


def test_a_slice_ends_and_the_next_one_goes_on(send, monkeypatch):
    monkeypatch.setattr(list_job, "BATCH", 10)
    made = send(as_csv(rows()))

    assert [list_job.work_on(made.pk, seconds=-1) for _ in range(4)] == [True, True, True, False]

    made.refresh_from_db()
    assert (made.status, made.people) == ("done", PEOPLE)


def test_two_workers_at_one_list_read_it_once(send, monkeypatch):
    """The second one comes and reads all the rest, just before the first one writes its second batch."""
    monkeypatch.setattr(list_job, "BATCH", 10)
    made = send(as_csv(rows()))
    take, answers = list_job._take, []

    def take_late(mine, batch):
        if mine.rows_read == 10 and not answers:
            answers.append("on its way")
            answers.append(list_job.work_on(made.pk))
        take(mine, batch)

    monkeypatch.setattr(list_job, "_take", take_late)
    answers.append(list_job.work_on(made.pk))

    made.refresh_from_db()
    assert answers == ["on its way", False, False]
    assert (made.status, made.rows_read, made.people) == ("done", PEOPLE, PEOPLE)
    assert kept_digests() == digests_of(range(1, PEOPLE + 1))


def test_a_list_removed_while_it_is_read_stays_removed(send, monkeypatch, now):
    monkeypatch.setattr(list_job, "BATCH", 10)
    made = send(as_csv(rows()))
    list_job.work_on(made.pk, seconds=-1)

    assert remove(made, now=now)
    assert not list_job.work_on(made.pk)

    made.refresh_from_db()
    assert (made.status, OwnCustomer.objects.count()) == ("removed", 0)


def test_an_upload_that_was_altered_stops_the_list_and_nothing_of_it_counts(send, monkeypatch, files):
    monkeypatch.setattr(list_job, "BATCH", 10)
    made = send(as_csv(rows()))
    list_job.work_on(made.pk, seconds=-1)
    (path,) = (path for path in files.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-20])

    assert not list_job.work_on(made.pk)

    made.refresh_from_db()
    assert (made.status, made.problem) == ("failed", "The upload is lost or altered. Send it again.")
    assert not OwnCustomer.objects.exists()
    assert not path.exists()


def test_a_list_without_a_worker_is_taken_up_again_and_given_up_in_the_end(send, monkeypatch, files):
    made = send(as_csv(rows()))
    told = []
    monkeypatch.setattr("buyers.own_customers.tasks.read_customers.delay", told.append)

    def minutes_later():
        CustomerList.objects.update(worked_at=timezone.now() - timedelta(minutes=3))
        resume_customers()

    CustomerList.objects.update(worked_at=timezone.now())
    resume_customers()
    assert told == []
    for _ in range(list_job.MOST_RESUMPTIONS + 1):
        minutes_later()

    assert told == [made.pk] * list_job.MOST_RESUMPTIONS
    made.refresh_from_db()
    assert (made.status, made.problem) == ("failed", "Reading keeps failing after row 0. Upload the file again.")
    assert [path for path in files.rglob("*") if path.is_file()] == []


# --- Removing


def test_who_is_on_two_lists_stays_until_the_last_is_removed(read, now):
    first, second = read(as_csv(rows(first=1))), read(as_csv(rows(first=16)))

    assert remove(first, now=now)
    assert kept_digests() == digests_of(range(16, 46))
    assert not remove(first, now=now)
    assert remove(second, now=now)

    assert not OwnCustomer.objects.exists()
    assert set(CustomerList.objects.values_list("status", "removed_at")) == {("removed", now)}


def test_all_lists_go_at_once_and_another_companys_stay(read, approved, make_company, mortgage, now):
    other = make_company("other")
    Approval.objects.create(buyer=other, vertical=mortgage, status="granted", decided_at=now)
    theirs = receive(upload(as_csv(rows())), buyer=other, user=None, now=now)
    list_job.work_on(theirs.pk)
    read(as_csv(rows()))
    read(as_csv(rows(first=100)))

    assert remove_all(approved, now=now) == 2

    assert OwnCustomer.objects.filter(list=theirs).count() == OwnCustomer.objects.count() == 2 * PEOPLE


# --- Pages


def sent(data=None):
    return {"file": SimpleUploadedFile("customers.csv", data or as_csv(rows()))}


def test_a_list_sent_by_the_page_is_read_by_a_worker_and_shown(
    approved, owner, login, django_capture_on_commit_callbacks
):
    client = login(owner)
    assert "No lists yet." in client.get("/company/own-customers/").content.decode()

    with django_capture_on_commit_callbacks(execute=False) as told:
        response = client.post("/company/own-customers/", sent())
    made = CustomerList.objects.get()
    assert (response.status_code, response.url) == (302, f"/company/own-customers/{made.public_id}/")
    assert len(told) == 1
    waiting = client.get(response.url)
    assert b'<noscript><meta http-equiv="refresh" content="3"></noscript>' in waiting.content
    assert b'hx-trigger="every 1s"' in waiting.content

    list_job.work_on(made.pk)

    done = client.get(response.url).content.decode()
    assert "we do not show or sell you leads from anyone on this list" in done
    assert 'http-equiv="refresh"' not in done
    assert "</svg>Active</span>" in done
    part = client.get(response.url, headers={"HX-Request": "true"})
    assert part["HX-Refresh"] == "true"
    assert "customers.csv" in client.get("/company/own-customers/").content.decode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Name\nPat\n", "We cannot tell which column holds phones or email addresses."),
        (as_csv(rows(people=3)), "We found 3."),
        (b"PK\x03\x04 no workbook", "The file is damaged."),
    ],
)
def test_what_is_refused_is_said_beside_the_file(approved, owner, login, data, message):
    response = login(owner).post("/company/own-customers/", sent(data))

    assert response.status_code == 422
    assert message in response.content.decode()
    assert not CustomerList.objects.exists()


def test_a_file_over_the_limit_is_not_read(approved, owner, login, settings):
    settings.UPLOAD_LIMIT_BYTES = 100

    response = login(owner).post("/company/own-customers/", sent())

    assert response.status_code == 422
    assert "The file is larger than 100" in response.content.decode()


def test_removing_by_the_page(approved, owner, login, read):
    made = read(as_csv(rows()))

    assert login(owner).post(f"/company/own-customers/{made.public_id}/remove/").url == "/company/own-customers/"

    assert not OwnCustomer.objects.exists()


def test_the_page_tells_the_rows_that_are_wrong(approved, owner, login, read):
    made = read(as_csv([*rows(), {"Name": "", "Phone": "12", "E-mail": "no<i>body"}]))

    page = login(owner).get(f"/company/own-customers/{made.public_id}/").content.decode()

    assert "Is not a valid phone number" in page
    assert "body" not in page.partition("<table")[2].partition("</table>")[0].replace("tbody", "")


# --- What the database refuses


def test_the_database_keeps_the_counts_and_the_states(send, read, now):
    made = read(as_csv(rows()))
    mine = CustomerList.objects.filter(pk=made.pk)

    with refused_by("customer_list_accounts_for_every_row"):
        mine.update(refused=1)
    with refused_by("customer_list_accounts_for_every_row"):
        mine.update(people=PEOPLE + 1)
    with refused_by("customer_list_done_has_its_instant"):
        mine.update(done_at=None)
    with refused_by("customer_list_removed_has_its_instant"):
        mine.update(status="removed")
    with refused_by("customer_list_removed_has_its_instant"):
        mine.update(removed_at=now)
    with refused_by("customer_list_is_taken_once"):
        CustomerList.objects.create(
            buyer=made.buyer, file_name="b", file_sha256=made.file_sha256, created_at=now, worked_at=now
        )
    waiting = send(as_csv(rows(first=100)))
    with refused_by("customer_list_is_read_one_at_a_time"):
        CustomerList.objects.create(buyer=made.buyer, file_name="b", file_sha256="b", created_at=now, worked_at=now)
    with refused_by("own_customer_is_once_a_list"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO buyers_owncustomer (buyer_id, list_id, digest)"
            " SELECT buyer_id, list_id, digest FROM buyers_owncustomer LIMIT 1"
        )
    assert waiting.status == "waiting"

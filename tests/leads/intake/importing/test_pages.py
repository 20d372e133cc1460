import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from leads.aging.tasks import sweep_ages
from leads.intake.importing import import_job, tasks
from leads.models import ColumnMapping, ImportRun, Lead, SweepRun
from tests.factories import make_user
from tests.leads.intake.importing.files import as_csv, counts, imported, row, uploaded, worked

Status = ImportRun.Status
ROWS = [row(1), row(2, Purpose="boat"), row(3, SubmittedAt="n/a"), row(1), row(4)]


@pytest.fixture
def staff(db, client):
    client.force_login(make_user("desk@example.com", is_staff=True))
    return client


@pytest.fixture
def queue(monkeypatch):
    """What is handed to the workers; runs at once what a test asks it to."""
    asked = []
    monkeypatch.setattr(tasks.import_file, "delay_on_commit", asked.append)
    monkeypatch.setattr(tasks.import_file, "delay", asked.append)
    monkeypatch.setattr(sweep_ages, "delay_on_commit", lambda: asked.append("sweep"))
    return asked


def upload(market, data=None, **changes):
    return {
        "source": market.source.pk,
        "vertical": market.vertical.pk,
        "timezone": "America/New_York",
        "file": SimpleUploadedFile("requests.csv", as_csv(ROWS) if data is None else data),
        **changes,
    }


def of(run, name="import"):
    return reverse(f"leads:{name}", args=[run.public_id])


def mapping(run, **changes):
    """What the columns' form sends: each column as it was guessed."""
    with import_job.open_upload(run) as sheet:
        headers = sheet.headers
    fields = {header: field for field, header in run.columns.items()}
    sent = {f"column_{place}": fields.get(header, "") for place, header in enumerate(headers)}
    return {**sent, "then": "check", **changes}


def test_a_file_goes_from_upload_to_leads(market, staff, queue):
    answer = staff.post(reverse("leads:import-new"), upload(market))
    run = ImportRun.objects.get()
    assert (answer.status_code, answer.url) == (302, of(run, "import-columns"))
    assert (run.status, run.rows_total, run.started_by) == (Status.MAPPING, 5, "desk@example.com")

    page = staff.get(answer.url)
    assert page["Cache-Control"] == "no-store"
    assert "pat1@example.com" in page.content.decode()  # a sample, for staff
    chosen = {field.label: field.value() for field, _, _ in page.context["form"].rows()}
    assert chosen["SubmittedAt"] == "captured_at" and chosen["LoanAmount"] == "loan_amount"

    run.columns = page.context["form"].run.columns or {value: header for header, value in chosen.items() if value}
    answer = staff.post(of(run, "import-columns"), mapping(run))
    assert answer.url == of(run)
    run.refresh_from_db()
    assert (run.status, queue) == (Status.CHECKING, [run.pk])
    assert ColumnMapping.objects.get().columns == run.columns
    assert "Dry run: row 0 of 5" in staff.get(of(run)).content.decode()

    tasks.import_file(run.pk)
    page = staff.get(of(run)).content.decode()
    assert "This is what an import would do" in page and "is not one of the choices" in page
    assert Lead.objects.count() == 0

    assert staff.post(of(run, "import-start")).url == of(run)
    tasks.import_file(run.pk)
    run.refresh_from_db()
    assert (run.status, counts(run), Lead.objects.count()) == (Status.DONE, (2, 1, 1, 1), 3)
    assert "Leads from this file" in staff.get(of(run)).content.decode()


def test_a_file_may_be_imported_without_a_dry_run(market, staff, queue):
    run = uploaded(market, as_csv(ROWS))
    staff.post(of(run, "import-columns"), mapping(run, then="import"))
    run.refresh_from_db()
    assert (run.status, queue) == (Status.RUNNING, [run.pk])


def test_a_doubled_start_starts_once(market, staff, queue):
    run = worked(uploaded(market, as_csv(ROWS)), Status.CHECKING)

    assert staff.post(of(run, "import-start")).status_code == 302
    assert staff.post(of(run, "import-start")).status_code == 404
    assert queue == [run.pk]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": ""}, "This field is required."),
        ({"timezone": "Mars/Olympus"}, "Select a valid choice."),
        ({"file": ""}, "This field is required."),
        ({"file": SimpleUploadedFile("a.csv", b"")}, "The submitted file is empty."),
        ({"file": SimpleUploadedFile("a.csv", b"\n\n")}, "The file is empty."),
        (
            {"file": SimpleUploadedFile("leads.csv", bytes(range(1, 30)) * 99)},
            "This is not a CSV or XLSX file. Upload one of those.",
        ),
        ({"file": SimpleUploadedFile("a.xlsx", b"PK\x03\x04")}, "The file is damaged."),
    ],
)
def test_a_bad_upload_is_said_at_its_field_and_nothing_else_is_lost(market, staff, changes, sentence):
    answer = staff.post(reverse("leads:import-new"), upload(market, **changes))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert ImportRun.objects.count() == 0
    if "source" not in changes:
        assert f'<option value="{market.source.pk}" selected>' in answer.content.decode()


def test_an_upload_too_large_is_refused(market, staff, settings):
    settings.UPLOAD_LIMIT_BYTES = 100
    answer = staff.post(reverse("leads:import-new"), upload(market))

    assert answer.status_code == 422
    assert "The file is larger than 100" in answer.content.decode()
    assert ImportRun.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"column_8": ""}, "Map a column for when the person made the request."),
        ({"column_0": "email"}, "Two columns are mapped to “Email”. Remove one."),
        ({"column_0": "shoe_size"}, "Select a valid choice."),
        ({"column_14": ""}, "Map a column for the consent text the person saw"),
        ({"default_legs": "21"}, "Ensure this value is less than or equal to 20."),
    ],
)
def test_a_mapping_that_cannot_be_is_said_and_starts_nothing(market, staff, queue, changes, sentence):
    run = uploaded(market, as_csv(ROWS))
    answer = staff.post(of(run, "import-columns"), mapping(run, **changes))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    run.refresh_from_db()
    assert (run.status, queue, ColumnMapping.objects.count()) == (Status.MAPPING, [], 0)


def test_numbers_that_are_never_taken_are_neither_shown_nor_mapped(market, staff):
    run = uploaded(market, as_csv([row(1, SSN="078-05-1120")]))
    page = staff.get(of(run, "import-columns")).content.decode()

    assert "078-05-1120" not in page
    assert "never imported" in page


def test_hostile_text_in_a_file_stays_text(market, staff):
    hostile = "<script>alert(1)</script>"
    run = uploaded(market, as_csv([row(1, **{hostile: hostile, "Remark": hostile})]), file_name=f"{hostile}.csv")

    for page in (of(run, "import-columns"), reverse("leads:imports"), of(worked(run))):
        assert hostile not in staff.get(page).content.decode()


def test_progress_is_asked_for_until_the_end(market, staff, queue):
    run = uploaded(market, as_csv(ROWS))
    import_job.begin(run, Status.RUNNING, timezone.now())
    headers = {"HX-Request": "true", "HX-Target": "progress"}

    during = staff.get(of(run), headers=headers)
    tasks.import_file(run.pk)
    after = staff.get(of(run), headers=headers)

    assert 'hx-trigger="every 1s"' in during.content.decode() and "HX-Refresh" not in during
    assert "<html" not in during.content.decode()
    assert "hx-trigger" not in after.content.decode() and after["HX-Refresh"] == "true"
    assert "</svg>Done</span>" in staff.get(of(run)).content.decode()


def test_problems_are_filtered_and_downloaded(market, staff):
    run = imported(market, ROWS)

    page = staff.get(of(run), {"outcome": "refused"})
    assert [problem.row for problem in page.context["page"]] == [3]
    page = staff.get(of(run), {"field": "purpose"}, headers={"HX-Request": "true"})
    assert [problem.row for problem in page.context["page"]] == [2]
    assert "<html" not in page.content.decode()
    assert [problem.row for problem in staff.get(of(run), {"outcome": "nonsense"}).context["page"]] == [2, 3, 4]

    file = staff.get(of(run, "import-problems"))
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(file.streaming_content).decode().splitlines() == [
        "row,outcome,field,reason",
        "2,flagged,purpose,is not one of the choices",
        "3,refused,captured_at,is not a valid date and time",
        "4,duplicate,row,is a request that we already have",
    ]


def test_an_upload_can_be_deleted_before_it_is_imported_and_not_after(market, staff):
    run, done = uploaded(market, as_csv(ROWS)), imported(market, ROWS)

    assert staff.post(of(run, "import-discard")).url == reverse("leads:imports")
    assert staff.post(of(done, "import-discard")).status_code == 404
    assert list(ImportRun.objects.all()) == [done]


def test_the_list_of_imports_asks_the_database_as_often_for_one_as_for_many(market, staff, django_assert_num_queries):
    imported(market, [row(1)])
    staff.get(reverse("leads:imports"))
    with django_assert_num_queries(7):
        staff.get(reverse("leads:imports"))
    for number in range(3):
        imported(market, [row(10 + number)])
    staff.get(reverse("leads:imports"))
    with django_assert_num_queries(7):
        staff.get(reverse("leads:imports"))


def test_without_imports_the_page_says_how_to_begin(staff, db):
    assert "No files yet" in staff.get(reverse("leads:imports")).content.decode()


def test_a_stopped_import_says_why(market, staff):
    run = imported(market, [row(1)])
    ImportRun.objects.filter(pk=run.pk).update(status=Status.FAILED, problem="Its encoding breaks off.")
    page = staff.get(of(run)).content.decode()
    assert "The import stopped after 1 row<" in page and "Its encoding breaks off." in page


@pytest.mark.parametrize(
    ("method", "name", "has_run"),
    [
        ("get", "operator", False),
        ("get", "imports", False),
        ("get", "import-new", False),
        ("post", "import-new", False),
        ("get", "import", True),
        ("get", "import-columns", True),
        ("post", "import-columns", True),
        ("post", "import-start", True),
        ("post", "import-discard", True),
        ("get", "import-problems", True),
        ("get", "aging", False),
        ("post", "aging-run", False),
    ],
)
def test_the_operators_pages_exist_for_staff_only(market, client, queue, method, name, has_run):
    run = uploaded(market, as_csv(ROWS))
    url = of(run, name) if has_run else reverse(f"leads:{name}")

    stranger = getattr(client, method)(url)
    client.force_login(market.user)
    buyer = getattr(client, method)(url)

    if name != "operator":  # a mere redirect to the imports
        assert (stranger.status_code, stranger.url.startswith("/accounts/login/")) == (302, True)
        assert buyer.status_code == 404
    run.refresh_from_db()
    assert (run.status, queue) == (Status.MAPPING, [])


@pytest.mark.parametrize("name", ["import-start", "import-discard"])
def test_what_changes_something_is_never_a_get(market, staff, name):
    run = uploaded(market, as_csv(ROWS))
    assert staff.get(of(run, name)).status_code == 405
    assert staff.get(reverse("leads:aging-run")).status_code == 405


def test_the_aging_page_shows_the_last_runs_and_what_is_due(market, staff, queue):
    market.lead()
    SweepRun.objects.create(started_at=timezone.now(), finished_at=timezone.now(), moved=41, closed=7, retired=3)

    page = staff.get(reverse("leads:aging"))

    assert [page.context["runs"][0].moved, page.context["due"], page.context["clock"].is_late] == [41, 0, False]
    assert staff.post(reverse("leads:aging-run")).url == reverse("leads:aging")
    assert queue == ["sweep"]


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (2, False), (4, True)])
def test_a_scheduler_that_sleeps_is_noticed(staff, db, minutes, late):
    SweepRun.objects.create(started_at=timezone.now() - timezone.timedelta(minutes=minutes))
    page = staff.get(reverse("leads:aging"))
    assert page.context["clock"].is_late is late
    assert ("The sweep is late" in page.content.decode()) is late


def test_a_market_that_never_swept_says_so(staff, db):
    page = staff.get(reverse("leads:aging")).content.decode()
    assert "No runs yet" in page and "The sweep is late" in page

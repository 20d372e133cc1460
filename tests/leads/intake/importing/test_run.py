import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from leads.intake.importing import import_job, tasks
from leads.intake.importing import run as running
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.run import TakenOver, advance
from leads.models import ColumnMapping, Contact, ImportProblem, ImportRun, Lead
from tests.factories import make_source, make_text
from tests.leads.intake.importing.files import ZONE, as_csv, as_xlsx, counts, imported, problems, row, uploaded, worked

Status = ImportRun.Status
MIXED = [row(1), row(2, Purpose="boat"), row(3, SubmittedAt="n/a"), row(1), row(4)]
MIXED_COUNTS = (2, 1, 1, 1)


def command(market, path, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "import_leads",
        str(path),
        source=options.pop("source", market.source.slug),
        vertical=options.pop("vertical", market.vertical.slug),
        timezone=options.pop("timezone", ZONE),
        stdout=out,
        stderr=err,
        **options,
    )
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "requests.csv"
    path.write_bytes(as_csv(MIXED))
    return path


def test_every_row_is_counted_once(market):
    run = imported(market, MIXED)

    assert (run.status, run.rows_read, counts(run)) == (Status.DONE, 5, MIXED_COUNTS)
    assert Lead.objects.count() == 3


def test_the_same_file_twice_adds_nothing(market):
    imported(market, MIXED)
    again = imported(market, MIXED)

    assert counts(again) == (0, 0, 1, 4)
    assert Lead.objects.count() == Contact.objects.count() == 3


def test_the_same_file_under_another_mapping_adds_nothing(market):
    rows = [row(1, **{"Lead ID": "A-1"}), row(2, **{"Lead ID": "A-2"})]
    first = imported(market, rows)
    without_id = {field: header for field, header in first.columns.items() if field != "external_id"}

    again = imported(market, rows, columns=without_id)

    assert (counts(first), counts(again)) == ((2, 0, 0, 0), (0, 0, 0, 2))
    assert set(Lead.objects.values_list("external_id", flat=True)) == {"A-1", "A-2"}


def test_two_sources_may_use_the_same_id(market):
    imported(market, [row(1, **{"Lead ID": "A-1"})])
    other = make_source()
    make_text(other)
    market.source = other

    assert counts(imported(market, [row(2, **{"Lead ID": "A-1"})])) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        as_csv(MIXED, delimiter=";", encoding="utf-8-sig"),
        as_csv(MIXED, delimiter="\t", encoding="utf-16"),
        as_csv(MIXED, delimiter="|", encoding="cp1252"),
        as_xlsx(MIXED),
    ],
    ids=["semicolon with BOM", "tab in UTF-16", "pipe in cp1252", "xlsx"],
)
def test_a_file_says_the_same_in_any_dress(market, data):
    run = worked(uploaded(market, data))

    assert counts(run) == MIXED_COUNTS
    assert [problem[:3] for problem in problems(run)] == [
        (2, "flagged", "purpose"),
        (3, "refused", "captured_at"),
        (4, "duplicate", "row"),
    ]


def test_dates_of_a_workbook_are_in_the_zone_of_the_file(market):
    rows = [row(1, SubmittedAt=datetime(2026, 10, 8, 7, 28, 7), LoanAmount=250000, Zip=45402)]

    assert counts(worked(uploaded(market, as_xlsx(rows)))) == (1, 0, 0, 0)
    lead = Lead.objects.get()
    assert lead.captured_at == datetime(2026, 10, 8, 11, 28, 7, tzinfo=UTC)
    assert (lead.attributes["loan_amount"], lead.postal_code) == (250000, "45402")


def test_a_dry_run_says_what_the_import_then_does_and_adds_nothing(market, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 2)  # so that duplicates lie in different batches
    run = worked(uploaded(market, as_csv(MIXED)), Status.CHECKING)

    assert (run.status, counts(run)) == (Status.CHECKED, MIXED_COUNTS)
    assert Lead.objects.count() == 0
    foreseen = problems(run)

    run = worked(run)

    assert (run.status, counts(run)) == (Status.DONE, MIXED_COUNTS)
    assert problems(run) == foreseen
    assert Lead.objects.count() == 3


def test_a_dry_run_sees_what_was_taken_before(market):
    imported(market, MIXED)
    run = worked(uploaded(market, as_csv(MIXED)), Status.CHECKING)

    assert counts(run) == (0, 0, 1, 4)


def test_a_run_goes_on_where_it_stopped(market, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 2)
    run = uploaded(market, as_csv(MIXED))
    import_job.begin(run, Status.RUNNING, timezone.now())

    run.refresh_from_db()
    assert import_job.work_on(run, seconds=0) is True  # one batch, and there is more to do
    run = ImportRun.objects.get(pk=run.pk)
    assert (run.status, run.rows_read, Lead.objects.count()) == (Status.RUNNING, 2, 2)

    tasks.import_file(run.pk)
    run.refresh_from_db()
    assert (run.status, counts(run), Lead.objects.count()) == (Status.DONE, MIXED_COUNTS, 3)


def test_who_comes_second_leaves_the_run_alone(market, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 2)
    run = uploaded(market, as_csv(MIXED))
    import_job.begin(run, Status.RUNNING, timezone.now())
    first, second = ImportRun.objects.get(pk=run.pk), ImportRun.objects.get(pk=run.pk)

    with import_job.open_upload(first) as one, import_job.open_upload(second) as other:
        steps = advance(first, one, now=timezone.now())
        next(steps)
        with pytest.raises(TakenOver):
            next(advance(second, other, now=timezone.now()))
        assert sum(tally.rows for tally in steps) == 3

    run.refresh_from_db()
    assert (run.rows_read, counts(run), Lead.objects.count()) == (5, MIXED_COUNTS, 3)


def test_an_interrupted_dry_run_starts_over(market, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 2)
    run = uploaded(market, as_csv(MIXED))
    import_job.begin(run, Status.CHECKING, timezone.now())
    run.refresh_from_db()
    with import_job.open_upload(run) as sheet:
        next(running.check(run, sheet, now=timezone.now()))

    tasks.import_file(run.pk)

    run.refresh_from_db()
    assert (run.status, counts(run), len(problems(run))) == (Status.CHECKED, MIXED_COUNTS, 3)


def test_only_what_a_killed_worker_left_is_resumed(market, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.import_file, "delay", asked.append)
    left, alive, waiting = (uploaded(market, as_csv([row(number)])) for number in (1, 2, 3))
    for run in (left, alive):
        import_job.begin(run, Status.RUNNING, timezone.now())
    long_ago = timezone.now() - timedelta(minutes=3)
    ImportRun.objects.filter(pk__in=[left.pk, waiting.pk]).update(worked_at=long_ago)

    tasks.resume_imports()

    assert asked == [left.pk]


def test_a_batch_that_fails_again_and_again_stops_the_run_and_nothing_else(market, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.import_file, "delay", asked.append)
    poisoned, sound = (uploaded(market, as_csv([row(number)])) for number in (1, 2))
    for run in (poisoned, sound):
        import_job.begin(run, Status.RUNNING, timezone.now())
    long_ago = timezone.now() - timedelta(minutes=3)

    for _ in range(6):
        ImportRun.objects.update(worked_at=long_ago)
        tasks.resume_imports()
        ImportRun.objects.filter(pk=sound.pk).update(resumptions=0)  # as a batch that went through does

    poisoned.refresh_from_db()
    assert poisoned.status == Status.FAILED
    assert "keeps failing after row" in poisoned.problem
    assert (asked.count(poisoned.pk), asked.count(sound.pk)) == (5, 6)


def test_a_row_that_the_database_refuses_spoils_only_itself(market, monkeypatch):
    def reader(self, row, person, captured_at):
        return "x" * 200 if person.email.startswith("pat2") else f"id-{person.email}"

    monkeypatch.setattr("leads.intake.importing.rows.RowReader._external_id", reader)

    run = imported(market, [row(1), row(2), row(3)])

    assert counts(run) == (2, 0, 1, 0)
    assert problems(run) == [(2, "refused", "row", "has a value that the database refuses")]


def test_an_id_longer_than_we_keep_still_tells_requests_apart(market):
    run = imported(market, [row(1, **{"Lead ID": "a" * 500}), row(2, **{"Lead ID": "a" * 501})])
    assert counts(run) == (2, 0, 0, 0)


def test_a_file_that_breaks_off_stops_the_run_and_keeps_what_was_taken(market, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 1)
    run = uploaded(market, as_csv([row(1), row(2)]))
    import_job.begin(run, Status.RUNNING, timezone.now())
    path = Path(default_storage.path(run.stored_as))
    path.write_bytes(path.read_bytes()[:-40])

    tasks.import_file(run.pk)

    run.refresh_from_db()
    assert (run.status, run.problem) == (Status.FAILED, "The upload is lost or altered. Send it again.")


def test_the_upload_goes_with_the_end_of_the_import(market):
    run = uploaded(market, as_csv([row(1)]))
    assert default_storage.exists(run.stored_as)

    worked(run)

    assert not default_storage.exists(run.stored_as)
    assert ImportRun.objects.get().stored_as == ""


def test_an_upload_that_nobody_came_back_to_is_purged_after_a_week(market):
    old, stopped, young = (uploaded(market, as_csv([row(number)])) for number in range(3))
    long_ago = timezone.now() - timedelta(days=7, seconds=1)
    ImportRun.objects.filter(pk=stopped.pk).update(status=Status.FAILED)
    ImportRun.objects.filter(pk__in=[old.pk, stopped.pk]).update(worked_at=long_ago)

    tasks.purge_uploads()

    assert [default_storage.exists(run.stored_as) for run in (old, stopped, young)] == [False, False, True]
    assert dict(ImportRun.objects.values_list("pk", "stored_as")) == {stopped.pk: "", young.pk: young.stored_as}


def test_a_refused_upload_leaves_nothing_behind(market, monkeypatch):
    monkeypatch.setattr("leads.intake.importing.sheet.MOST_ROWS", 1)
    with pytest.raises(SheetRefused):
        uploaded(market, as_csv([row(1), row(2)]))

    assert ImportRun.objects.count() == 0
    assert default_storage.listdir("imports")[1] == []


def test_the_command_ends_with_its_counts(market, path, tmp_path):
    report = tmp_path / "problems.csv"

    said, told = command(market, path, report=report)

    assert said == {"rows": 5, "taken": 2, "flagged": 1, "refused": 1, "duplicates": 1}
    assert "1  refused: Request date and time: is not a valid date and time" in told
    assert report.read_text() == (
        "row,outcome,field,reason\n"
        "2,flagged,purpose,is not one of the choices\n"
        "3,refused,captured_at,is not a valid date and time\n"
        "4,duplicate,row,is a request that we already have\n"
    )


def test_a_dry_run_of_the_command_says_the_same_and_leaves_no_trace(market, path, tmp_path):
    dry, real = tmp_path / "dry.csv", tmp_path / "real.csv"

    foreseen = command(market, path, report=dry, dry_run=True)
    assert (Lead.objects.count(), ImportRun.objects.count(), ImportProblem.objects.count()) == (0, 0, 0)

    assert command(market, path, report=real) == foreseen
    assert dry.read_bytes() == real.read_bytes()


def test_the_command_reads_a_workbook(market, tmp_path):
    path = tmp_path / "misnamed.csv"
    path.write_bytes(as_xlsx(MIXED))
    assert command(market, path)[0] == {"rows": 5, "taken": 2, "flagged": 1, "refused": 1, "duplicates": 1}


def test_the_mapping_can_be_corrected_and_defaults_given(market, tmp_path):
    path = tmp_path / "requests.csv"
    path.write_bytes(as_csv([row(1, ConsentText=None, LegsAuthorized=None, LegsSold=None, Reached="a@example.com")]))

    said, _ = command(market, path, consent_text="v3", legs=2, map=[("email", "Reached"), ("remark", "")])

    assert said["taken"] == 1
    lead = Lead.objects.get()
    assert (lead.legs_authorized, lead.times_sold, "remark" in lead.attributes) == (2, 0, False)
    assert lead.contact.open(str(lead.public_id)).email == "a@example.com"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"source": "nobody"}, "There is no source “nobody”."),
        ({"vertical": "nothing"}, "There is no vertical “nothing”."),
        ({"timezone": "EST5"}, "There is no time zone “EST5”. Enter one such as America/New_York."),
        ({"timezone": "../etc/passwd"}, "There is no time zone “../etc/passwd”. Enter one such as America/New_York."),
        ({"consent_text": "v9"}, "has no consent text “v9”."),
        ({"legs": 0}, "--legs must be a number from 1 to 20."),
        ({"map": [("email", "Fax")]}, "The file has no column “Fax”."),
        ({"map": [("shoes", "Email")]}, "There is no field “shoes”."),
        ({"map": [("captured_at", "")]}, "Map a column for when the person made the request."),
    ],
)
def test_the_command_refuses_with_a_sentence(market, path, options, sentence):
    with pytest.raises(CommandError) as caught:
        command(market, path, **options)
    assert sentence in str(caught.value)
    assert (Lead.objects.count(), ImportRun.objects.count()) == (0, 0)


def test_a_file_that_is_not_there_is_said(market, tmp_path):
    with pytest.raises(CommandError, match=r"Cannot read or write .*nowhere\.csv: No such file or directory"):
        command(market, tmp_path / "nowhere.csv")


def test_a_report_that_cannot_be_written_is_said_before_anything_is_taken(market, path, tmp_path):
    with pytest.raises(CommandError, match="Cannot read or write"):
        command(market, path, report=tmp_path / "no" / "folder.csv")
    assert Lead.objects.count() == 0


def test_the_operators_mapping_serves_the_command_too(market, path):
    ColumnMapping.objects.create(
        source=market.source,
        vertical=market.vertical,
        columns={"phone": "Phone", "captured_at": "SubmittedAt", "state": "State", "consent_text": "ConsentText"},
    )
    command(market, path)
    assert list(Lead.objects.values_list("attributes", flat=True)) == [{}, {}, {}]


CANARIES = {
    "First Name": "Canarina",
    "Last Name": "Canaryson",
    "Email": "canary.person at example",
    "Phone": "937-200-CANARY",
    "Address": "=CANARY()",
    "City": "Canaryville",
    "State": "Canaria",
    "Zip": "CANARY",
    "SubmittedAt": "canary o'clock",
    "Purpose": "canary cage",
    "LoanAmount": "canary dollars",
    "Remark": "=CANARY(1)",
    "LegsSold": "canary",
    "ConsentText": "canary text",
    "IP": "canary.ip",
}


def test_nothing_of_a_row_is_told_outside_its_contact(market, capfd, caplog):
    rows = [row(1, **CANARIES)] + [row(2, **{header: value}) for header, value in CANARIES.items()]
    run = imported(market, rows)

    assert run.refused + run.flagged + run.duplicates + run.taken == len(rows)
    with connection.cursor() as cursor:
        for table in ("leads_importproblem", "leads_importrun", "leads_lead", "leads_consent", "leads_contact"):
            cursor.execute(f"SELECT t::text FROM {table} AS t")
            assert not [text for (text,) in cursor.fetchall() if "canary" in text.lower()]
    said = capfd.readouterr()
    assert "canary" not in (said.out + said.err + caplog.text).lower()

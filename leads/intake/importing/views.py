"""The operator's import pages. Everyone but staff gets a 404."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads.intake.importing import import_job, report
from leads.intake.importing.columns import save_columns
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.forms import ColumnsForm, ProblemsForm, UploadForm
from leads.intake.importing.sheet import survey_head
from leads.intake.importing.tasks import import_file
from leads.models import ImportRun
from leads.staff import PartRequest, staff_required

Status = ImportRun.Status
ON_A_PAGE = 50


@staff_required
@require_safe
def imports(request: HttpRequest) -> HttpResponse:
    runs = ImportRun.objects.select_related("source", "vertical")
    page = Paginator(runs, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "leads/importing/list.html", {"page": page})


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = import_job.receive(form.described_run(request.user.get_username()), form.cleaned_data["file"])
            return redirect("leads:import-columns", run.public_id)
        except SheetRefused as error:
            form.add_error("file", str(error))
    return render(request, "leads/importing/new.html", {"form": form}, status=422 if form.errors else 200)


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_columns(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Map the columns. The page shows a few values of each, so it is never stored."""
    run = _run(public_id, Status.MAPPING, Status.CHECKED)
    with import_job.open_upload(run) as sheet:
        form = ColumnsForm(run, survey_head(sheet), request.POST or None)
    if request.method == "POST" and form.is_valid():
        _keep_columns(run, form)
        return _begin(run, Status.RUNNING if request.POST.get("then") == "import" else Status.CHECKING)
    response = render(
        request, "leads/importing/columns.html", {"run": run, "form": form}, status=422 if form.errors else 200
    )
    response["Cache-Control"] = "no-store"
    return response


@staff_required
@require_safe
def import_run(request: PartRequest, public_id: UUID) -> HttpResponse:
    run = get_object_or_404(ImportRun.objects.select_related("source", "vertical"), public_id=public_id)
    if run.status == Status.MAPPING:
        return redirect("leads:import-columns", public_id)
    if request.htmx and request.htmx.target == "progress":
        answer = render(request, "leads/importing/run.html#progress", {"run": run})
        if not run.is_under_way:
            answer["HX-Refresh"] = "true"
        return answer
    form = ProblemsForm(run, request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    problems = run.problems.filter(**{name: value for name, value in chosen.items() if value}).order_by("row", "id")
    page = Paginator(problems, ON_A_PAGE).get_page(request.GET.get("page"))
    template = "leads/importing/run.html#problems" if request.htmx else "leads/importing/run.html"
    context = {"run": run, "form": form, "page": page, "reasons": report.reasons_of(run)}
    return render(request, template, context)


@staff_required
@require_POST
def import_start(request: HttpRequest, public_id: UUID) -> HttpResponse:
    return _begin(_run(public_id, Status.CHECKED), Status.RUNNING)


@staff_required
@require_POST
def import_discard(request: HttpRequest, public_id: UUID) -> HttpResponse:
    import_job.give_up(_run(public_id, Status.MAPPING, Status.CHECKED))
    messages.success(request, "Upload deleted. Nothing was imported from it.")
    return redirect("leads:imports")


@staff_required
@require_safe
def import_problems(request: HttpRequest, public_id: UUID) -> StreamingHttpResponse:
    run = get_object_or_404(ImportRun, public_id=public_id)
    name = f"problems-{run.created_at:%Y-%m-%d}-{str(run.public_id)[:8]}.csv"
    return StreamingHttpResponse(
        report.as_csv(report.lines_of(run)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _run(public_id: UUID, *statuses: str) -> ImportRun:
    """Return the run if it has one of these statuses; otherwise respond with a 404."""
    runs = ImportRun.objects.select_related("source", "vertical", "default_consent_text")
    return get_object_or_404(runs, public_id=public_id, status__in=statuses)


def _keep_columns(run: ImportRun, form: ColumnsForm) -> None:
    run.columns = form.cleaned_data["columns"]
    run.default_consent_text = form.cleaned_data["default_consent_text"]
    run.default_legs = form.cleaned_data["default_legs"]
    run.save(update_fields=["columns", "default_consent_text", "default_legs"])
    save_columns(run.source, run.vertical, run.columns, run.timezone)


def _begin(run: ImportRun, status: Status) -> HttpResponse:
    with transaction.atomic():
        if import_job.begin(run, status, timezone.now()):
            import_file.delay_on_commit(run.pk)  # type: ignore[attr-defined]
    return redirect("leads:import", run.public_id)

"""The operator's sweep page: what is waiting, and the latest runs."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from leads.aging.sweep import due_now, next_sweep
from leads.aging.tasks import sweep_ages
from leads.models import SweepRun
from leads.staff import staff_required

ON_A_PAGE = 50


@staff_required
@require_safe
def aging(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    runs = list(SweepRun.objects.all()[:ON_A_PAGE])
    context = {"runs": runs, "due": due_now(), "clock": next_sweep(runs[0] if runs else None, now)}
    return render(request, "leads/aging/aging.html", context)


@staff_required
@require_POST
def aging_run(request: HttpRequest) -> HttpResponse:
    sweep_ages.delay_on_commit()  # type: ignore[attr-defined]
    messages.success(request, "Sweep started. It appears here when it finishes.")
    return redirect("leads:aging")

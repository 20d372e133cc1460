"""The operator's pages, under /operator/."""

from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from leads.aging import views as aging
from leads.staff import staff_required

app_name = "leads"
urlpatterns = [
    path("", staff_required(require_safe(RedirectView.as_view(pattern_name="leads:imports"))), name="operator"),
    path("imports/", include("leads.intake.importing.urls")),
    path("aging/", aging.aging, name="aging"),
    path("aging/run/", aging.aging_run, name="aging-run"),
]

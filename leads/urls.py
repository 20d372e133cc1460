from django.urls import path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from leads import views

app_name = "leads"
urlpatterns = [
    path("", views.staff_required(require_safe(RedirectView.as_view(pattern_name="leads:imports"))), name="operator"),
    # imports/
    path("imports/", views.imports, name="imports"),
    path("imports/new/", views.import_new, name="import-new"),
    path("imports/<uuid:public_id>/", views.import_run, name="import"),
    path("imports/<uuid:public_id>/columns/", views.import_columns, name="import-columns"),
    path("imports/<uuid:public_id>/start/", views.import_start, name="import-start"),
    path("imports/<uuid:public_id>/discard/", views.import_discard, name="import-discard"),
    path("imports/<uuid:public_id>/problems.csv", views.import_problems, name="import-problems"),
    # ageing/
    path("ageing/", views.ageing, name="ageing"),
    path("ageing/run/", views.ageing_run, name="ageing-run"),
]

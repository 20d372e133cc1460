from django.urls import path

from leads.intake.importing import views

urlpatterns = [
    path("", views.imports, name="imports"),
    path("new/", views.import_new, name="import-new"),
    path("<uuid:public_id>/", views.import_run, name="import"),
    path("<uuid:public_id>/columns/", views.import_columns, name="import-columns"),
    path("<uuid:public_id>/start/", views.import_start, name="import-start"),
    path("<uuid:public_id>/discard/", views.import_discard, name="import-discard"),
    path("<uuid:public_id>/problems.csv", views.import_problems, name="import-problems"),
]

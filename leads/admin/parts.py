"""Building blocks for every app's admin: read-only rows, and pages that ask before they act."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.db import models
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.text import capfirst


class Kept:
    """Block deletion, because the row is part of the record. Goes before the admin class in the bases."""

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnly(Kept):
    """Rows that staff can view but never add, change or delete."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def admin_page(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    *,
    title: str,
    original: models.Model | None = None,
    template: str = "admin/ask.html",
    **context: Any,
) -> TemplateResponse:
    """Return a page in the admin's layout, with the breadcrumbs of ``original`` or of the model's list."""
    shown = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": original,
        "title": capfirst(title),
        **context,
    }
    return TemplateResponse(request, template, shown)


def laid_out(form: forms.BaseForm, rows: Sequence[Any] | None = None, **options: Any) -> AdminForm:
    """Return the form in the admin's layout; ``rows`` groups field names that share a line."""
    name = options.pop("name", None)
    fieldset: Any = (name, {"fields": rows or list(form.fields), **options})
    return AdminForm(cast("Any", form), [fieldset], {})  # uses only what every form has

"""Verticals, and the editor for their fields."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from leads.admin.field_forms import LAYOUT, FieldFormSet, initial_of, items_of, same_fields
from leads.admin.parts import Kept, ReadOnly, admin_page, laid_out
from leads.models import FieldSchema, Vertical
from leads.models.vertical import add_schema_version


@admin.register(Vertical)
class VerticalAdmin(Kept, admin.ModelAdmin):
    list_display = [
        "name",
        "trade",
        "window_minutes",
        "default_legs",
        "shelf_life_days",
        "open_for_resale",
        "field_count",
    ]
    list_filter = ["open_for_resale"]
    search_fields = ["name", "slug", "trade"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["versions"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Vertical | None = None) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Vertical | None = None) -> list[str]:
        return [*self.readonly_fields, "slug"] if obj else []

    def get_urls(self) -> list[URLPattern]:
        edit = self.admin_site.admin_view(self.fields_view)
        return [path("<int:number>/fields/", edit, name="leads_vertical_fields"), *super().get_urls()]

    @admin.display(description="fields")
    def field_count(self, vertical: Vertical) -> int:
        return len(vertical.schema.fields)

    @admin.display(description="Field versions")
    def versions(self, vertical: Vertical) -> str:
        rows = (
            (
                reverse("admin:leads_fieldschema_change", args=[schema.pk]),
                schema.version,
                len(schema.fields),
                schema.created_at,
            )
            for schema in vertical.schemas.all()
        )
        return (
            format_html_join("", '<div><a href="{}">Version {}</a>: {} fields, {:%Y-%m-%d %H:%M} UTC</div>', rows)
            or "None"
        )

    def response_add(self, request: HttpRequest, obj: Vertical, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, "Vertical added. Now define the questions its form asks.")
        return HttpResponseRedirect(reverse("admin:leads_vertical_fields", args=[obj.pk]))

    def fields_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Add, change, reorder and delete fields; saving creates a new version and puts it in force."""
        vertical = self.get_object(request, str(number))
        if vertical is None:
            raise Http404
        if not self.has_change_permission(request, vertical):
            raise PermissionDenied
        faults: list[str] = []
        formset = FieldFormSet(request.POST or None, initial=initial_of(vertical.schema))
        if request.method == "POST" and formset.is_valid():
            try:
                self._save_fields(request, vertical, items_of(formset))
                return HttpResponseRedirect(reverse("admin:leads_vertical_change", args=[number]))
            except ValidationError as error:
                faults = error.messages
        return self._fields_page(request, vertical, formset, faults)

    @transaction.atomic
    def _save_fields(self, request: HttpRequest, vertical: Vertical, items: list[dict[str, Any]]) -> None:
        Vertical.objects.select_for_update(no_key=True).get(pk=vertical.pk)
        if request.POST.get("version") != _version(vertical):
            raise ValidationError("Someone else saved changes to these fields. Reload this page and try again.")
        if same_fields(vertical.schema, items):
            self.message_user(request, "No changes to save.", messages.INFO)
            return
        schema = add_schema_version(vertical, items)
        self.log_change(request, vertical, f"Fields, version {schema.version}.")
        self.message_user(request, f"{schema} is now in force.", messages.SUCCESS)

    def _fields_page(self, request: HttpRequest, vertical: Vertical, formset: Any, faults: list[str]) -> HttpResponse:
        return admin_page(
            self,
            request,
            title=f"Fields of {vertical}",
            original=vertical,
            template="admin/leads/vertical/fields.html",
            formset=formset,
            forms=[(form, laid_out(form, _layout(form), **_fold(form))) for form in formset],
            faults=faults,
            version=request.POST.get("version") or _version(vertical),
        )


def _version(vertical: Vertical) -> str:
    newest = vertical.schemas.order_by("-version").first()
    return str(newest.version if newest else 0)


def _layout(form: Any) -> list[Any]:
    last = ("ORDER", "DELETE") if "DELETE" in form.fields else ("ORDER",)
    return [*LAYOUT, last]


def _fold(form: Any) -> dict[str, Any]:
    """Return fieldset options that collapse existing fields under their label and leave a new one open."""
    label = form.initial.get("label")
    return {"name": f"{label} ({form.initial['name']})", "classes": ["collapse"]} if label else {"name": "New field"}


@admin.register(FieldSchema)
class FieldSchemaAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["vertical", "version", "created_at"]
    list_filter = ["vertical"]
    list_select_related = ["vertical"]
    fields = ["vertical", "version", "created_at", "listed"]

    @admin.display(description="Fields")
    def listed(self, schema: FieldSchema) -> str:
        return format_html(
            "<table><thead><tr><th>Name</th><th>Label</th><th>Type</th><th>Choices</th><th>Settings</th></tr></thead>"
            "<tbody>{}</tbody></table>",
            format_html_join(
                "",
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                (
                    (item.name, item.label, item.type.label, ", ".join(item.choices.values()), _settings(item))
                    for item in schema.parsed
                ),
            ),
        )


def _settings(item: Any) -> str:
    said = [
        item.unit,
        "filterable" if item.filterable else "",
        "sensitive" if item.sensitive else "",
        f"at least {item.minimum:g}" if item.minimum is not None else "",
        f"at most {item.maximum:g}" if item.maximum is not None else "",
        f"also {', '.join(item.aliases)}" if item.aliases else "",
    ]
    return ", ".join(part for part in said if part)

"""Sources and their consent texts."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.html import format_html_join

from leads.admin.parts import Kept
from leads.models import Channel, ConsentText, Source


class SourceForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("incentive") and cleaned.get("grade") in ("A", "B"):
            self.add_error("grade", "Choose grade C or D: an incentivized source cannot be graded higher.")
        return cleaned


@admin.register(Source)
class SourceAdmin(Kept, admin.ModelAdmin):
    form = SourceForm
    list_display = ["legal_name", "kind", "site", "grade", "incentive", "payout_percent", "is_active"]
    list_filter = ["grade", "kind", "incentive", "is_active"]
    search_fields = ["legal_name", "slug", "site"]
    readonly_fields = ["created_at", "grades"]
    prepopulated_fields = {"slug": ["legal_name"]}

    def get_prepopulated_fields(self, request: HttpRequest, obj: Source | None = None) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        return [*self.readonly_fields, "slug"] if obj else self.readonly_fields

    @admin.display(description="Grade history")
    def grades(self, source: Source) -> str:
        return format_html_join("", "<div>{}</div>", ((line,) for line in _grade_lines(source))) or "None"


def _grade_lines(source: Source) -> Iterator[str]:
    """Yield one line per grade change, newest last: when, the new grade, and who set it if a person did."""
    events = list(source.events.select_related("pgh_context").order_by("pgh_id"))  # type: ignore[attr-defined]
    people = get_user_model().objects.in_bulk({_user_of(event) for event in events} - {None})
    before = None
    for event in events:
        if event.grade != before:
            who = people.get(_user_of(event))
            yield f"{event.pgh_created_at:%Y-%m-%d %H:%M} UTC: {event.grade}" + (f", by {who}" if who else "")
        before = event.grade


def _user_of(event: Any) -> int | None:
    return event.pgh_context.metadata.get("user") if event.pgh_context else None


class ConsentTextForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(choices=Channel.choices, widget=forms.CheckboxSelectMultiple)
    named_partners = forms.CharField(
        required=False, widget=forms.Textarea, help_text="One company per line, if the text names them."
    )

    class Meta:
        model = ConsentText
        fields = ["source", "version", "wording", "channels", "most_companies", "named_partners"]

    def clean_named_partners(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["named_partners"].splitlines() if line.strip()]

    def clean_most_companies(self) -> int:
        companies: int = self.cleaned_data["most_companies"]
        if not 1 <= companies <= 20:
            raise forms.ValidationError("Enter a number from 1 to 20.")
        return companies


@admin.register(ConsentText)
class ConsentTextAdmin(Kept, admin.ModelAdmin):
    """A text that people agreed to never changes: new wording is a new version."""

    form = ConsentTextForm
    list_display = ["version", "source", "most_companies", "covers", "created_at"]
    list_filter = ["source"]
    list_select_related = ["source"]
    search_fields = ["version", "source__legal_name", "sha256"]

    def has_change_permission(self, request: HttpRequest, obj: ConsentText | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: ConsentText | None = None) -> Any:
        return [*ConsentTextForm.Meta.fields, *(["sha256", "created_at"] if obj else [])]

    @admin.display(description="covers")
    def covers(self, text: ConsentText) -> str:
        return ", ".join(Channel(channel).label for channel in text.channels)

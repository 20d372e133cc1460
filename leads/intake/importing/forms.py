"""Forms for the operator's import pages: the upload, its column mapping, and the filter for problems."""

from collections import Counter
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from leads.intake.importing.columns import MappingIncomplete, check_columns, is_never_taken, propose_columns
from leads.intake.importing.sheet import Survey
from leads.models import ConsentText, ImportProblem, ImportRun, Source, Vertical
from leads.schema.common_columns import ENVELOPE

AMERICAN_ZONES = {
    "America/New_York": "Eastern",
    "America/Chicago": "Central",
    "America/Denver": "Mountain",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
    "UTC": "UTC",
}
NOT_TAKEN = ""


def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    near = [(zone, f"{name} ({zone})" if name != zone else name) for zone, name in AMERICAN_ZONES.items()]
    far = [(zone, zone) for zone in sorted(available_timezones() - AMERICAN_ZONES.keys())]
    return [("United States", near), ("All others", far)]


class UploadForm(forms.Form):
    """A file, and what it cannot tell us itself: its source, its vertical and its time zone."""

    source = forms.ModelChoiceField(Source.objects.filter(is_active=True), empty_label="Choose a company")
    vertical = forms.ModelChoiceField(Vertical.objects.all(), empty_label="Choose a vertical")
    timezone = forms.ChoiceField(
        label="Time zone of the file",
        choices=zone_choices,
        initial="America/New_York",
        help_text="Used for times that do not include a time zone.",
    )
    file = forms.FileField(
        label="File",
        help_text="CSV with any delimiter and encoding, or XLSX.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            limit = filesizeformat(settings.UPLOAD_LIMIT_BYTES)
            raise forms.ValidationError(f"The file is larger than {limit}. Split it and upload the parts.")
        return file

    def described_run(self, started_by: str) -> ImportRun:
        """Return the import that this form describes, not saved yet."""
        return ImportRun(
            source=self.cleaned_data["source"],
            vertical=self.cleaned_data["vertical"],
            timezone=self.cleaned_data["timezone"],
            file_name=(self.cleaned_data["file"].name or "")[:120],
            started_by=started_by,
        )


class ColumnsForm(forms.Form):
    """What each column of a file means. ``samples`` are personal data: the page showing them must not be stored."""

    default_consent_text = forms.ModelChoiceField(
        ConsentText.objects.none(),
        label="Consent text for every row",
        required=False,
        empty_label="A column names it for each row",
        help_text="Used only if no column is mapped to the consent text.",
    )
    default_legs = forms.IntegerField(
        label="Companies that may call",
        required=False,
        min_value=1,
        max_value=20,
        help_text="For rows that do not say. If empty: the vertical's default, up to what the consent text allows.",
    )

    def __init__(self, run: ImportRun, found: Survey, data: Any = None) -> None:
        super().__init__(data)
        self.run, self.found = run, found
        texts = self.fields["default_consent_text"]
        texts.queryset = run.source.consent_texts.all()  # type: ignore[attr-defined]
        texts.initial = run.default_consent_text
        self.fields["default_legs"].initial = run.default_legs
        columns = run.columns or propose_columns(run.source, run.vertical, found.headers, found.samples)
        fields = {header: field for field, header in columns.items()}
        choices = field_choices(run.vertical)
        for position, header in enumerate(found.headers):
            self.fields[f"column_{position}"] = forms.ChoiceField(
                label=header,
                choices=choices,
                required=False,
                initial=fields.get(header, NOT_TAKEN),
                disabled=is_never_taken(header),
            )

    def rows(self) -> list[tuple[forms.BoundField, list[str], bool]]:
        """Return each column's choice field, a few of its values, and whether it is never imported."""
        return [
            (
                self[f"column_{position}"],
                [] if is_never_taken(header) else self.found.samples[header],
                is_never_taken(header),
            )
            for position, header in enumerate(self.found.headers)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = [(cleaned.get(f"column_{position}"), header) for position, header in enumerate(self.found.headers)]
        mapped = [(field, header) for field, header in chosen if field]
        for field, times in Counter(field for field, _ in mapped).items():
            if times > 1:
                self.add_error(None, f"Two columns are mapped to “{_label(self.run.vertical, field)}”. Remove one.")
        cleaned["columns"] = dict(mapped)
        try:
            check_columns(
                cleaned["columns"],
                self.found.headers,
                self.run.vertical.schema,
                has_default_consent=bool(cleaned.get("default_consent_text")),
            )
        except MappingIncomplete as error:
            self.add_error(None, str(error))
        return cleaned


def field_choices(vertical: Vertical) -> list[tuple[str, Any]]:
    """Return every field that a column can map to, in groups."""
    return [
        (NOT_TAKEN, "Do not import"),
        ("Every lead", [(field.name, field.label) for field in ENVELOPE]),
        (vertical.name, [(field.name, field.label) for field in vertical.schema]),
    ]


def _label(vertical: Vertical, name: str) -> str:
    labels = {field.name: field.label for field in (*ENVELOPE, *vertical.schema)}
    return labels.get(name, name)


class ProblemsForm(forms.Form):
    """Which of a run's problems to show."""

    outcome = forms.ChoiceField(choices=[("", "All"), *ImportProblem.Outcome.choices], required=False, label="Result")
    field = forms.ChoiceField(required=False, label="Field")

    def __init__(self, run: ImportRun, data: Any) -> None:
        super().__init__(data)
        names = run.problems.order_by("field").values_list("field", flat=True).distinct()
        self.fields["field"].choices = [  # type: ignore[attr-defined]
            ("", "All"),
            *((name, "The row" if name == "row" else _label(run.vertical, name)) for name in names),
        ]

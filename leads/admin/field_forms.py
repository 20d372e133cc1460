"""The editor for a vertical's fields: one form per field, no code."""

import json
from typing import Any

from django import forms

from leads.schema.fields import Field, FieldType, Schema

LAYOUT = [
    ("name", "label", "type"),
    "choices",
    ("unit", "minimum", "maximum"),
    "aliases",
    ("filterable", "sensitive"),
]
SETTINGS = ("choices", "unit", "filterable", "sensitive", "minimum", "maximum", "aliases")


class FieldForm(forms.Form):
    """One field of the schema. ``clean`` leaves its JSON form in ``item``."""

    name = forms.CharField(
        max_length=40, help_text="For files and links: lowercase letters, digits and _. A new name makes a new field."
    )
    label = forms.CharField(max_length=80, help_text="What people see.")
    type = forms.ChoiceField(choices=FieldType.choices)
    choices = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 50}),
        help_text="For the two choice types: one per line, as “key: label”.",
    )
    unit = forms.CharField(required=False, max_length=20, help_text="$, %, kWh …")
    minimum = forms.FloatField(required=False)
    maximum = forms.FloatField(required=False)
    aliases = forms.CharField(
        required=False,
        max_length=400,
        widget=forms.TextInput(attrs={"size": 70}),
        help_text="Column names that files use for it, separated by commas.",
    )
    filterable = forms.BooleanField(required=False, help_text="Buyers can filter by it.")
    sensitive = forms.BooleanField(required=False, help_text="Never shown or filterable before the sale.")

    def clean_choices(self) -> dict[str, str]:
        lines = [line.partition(":") for line in self.cleaned_data["choices"].splitlines() if line.strip()]
        keys = [key.strip() for key, _, _ in lines]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise forms.ValidationError(f"“{twice[0]}” is listed twice.")
        return {key.strip(): label.strip() or key.strip() for key, _, label in lines}

    def clean_aliases(self) -> list[str]:
        return [alias.strip() for alias in self.cleaned_data["aliases"].split(",") if alias.strip()]

    def clean_minimum(self) -> float | int | None:
        return _plain(self.cleaned_data["minimum"])

    def clean_maximum(self) -> float | int | None:
        return _plain(self.cleaned_data["maximum"])

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        low, high = cleaned.get("minimum"), cleaned.get("maximum")
        if low is not None and high is not None and low > high:
            self.add_error("maximum", "Enter a maximum that is not below the minimum.")
        return cleaned

    @property
    def item(self) -> dict[str, Any]:
        """Return the field in the schema's JSON; empty settings are left out."""
        values = self.cleaned_data
        said = {key: values[key] for key in SETTINGS if values[key] or (values[key] == 0 and values[key] is not False)}
        return {"name": values["name"], "label": values["label"], "type": values["type"], **said}


FieldFormSet = forms.formset_factory(FieldForm, extra=3, can_order=True, can_delete=True, max_num=80)


def initial_of(schema: Schema) -> list[dict[str, Any]]:
    return [
        {
            **{
                key: getattr(item, key)
                for key in ("name", "label", "unit", "filterable", "sensitive", "minimum", "maximum")
            },
            "type": str(item.type),
            "choices": "\n".join(f"{key}: {label}" for key, label in item.choices.items()),
            "aliases": ", ".join(item.aliases),
        }
        for item in schema
    ]


def items_of(formset: Any) -> list[dict[str, Any]]:
    """Return the fields of a valid formset, in the order it gives."""
    return [form.item for form in formset.ordered_forms if form.cleaned_data.get("name")]


def same_fields(schema: Schema, items: list[dict[str, Any]]) -> bool:
    return _told(schema) == _told(Schema.from_json(items))


def _told(schema: Schema) -> str:
    return json.dumps([_item(item) for item in schema])  # as text, because the order of choices matters


def _item(item: Field) -> list[Any]:
    return [getattr(item, name) for name in Field.__dataclass_fields__]


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and number.is_integer() else number

"""Form fields that several features use."""

from typing import Any

from django import forms


class OneLineField(forms.CharField):
    """A text field that collapses line breaks and runs of spaces, whatever was pasted."""

    def to_python(self, value: Any) -> Any:
        return " ".join(str(super().to_python(value)).split())

"""The form to upload a list of own customers."""

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from buyers.form_fields import OneLineField
from buyers.own_customers.lists import Upload


class CustomersForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="CSV or XLSX with column names in the first row. Phones and email addresses can be hashed.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    phone = OneLineField(
        label="Phone column", required=False, max_length=80, help_text="Only if its name does not make it clear."
    )
    email = OneLineField(
        label="Email column",
        required=False,
        max_length=80,
        help_text="Only if its name does not make it clear.",
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {filesizeformat(settings.UPLOAD_LIMIT_BYTES)}. Split it and upload the parts."
            )
        return file

    def upload(self) -> Upload:
        said = self.cleaned_data
        return Upload(said["file"], said["file"].name or "", said["phone"], said["email"])

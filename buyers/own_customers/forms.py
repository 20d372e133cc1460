"""The form that sends a list of own customers."""

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from buyers.form_fields import OneLineField
from buyers.own_customers.lists import Upload


class CustomersForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="CSV or XLSX, with a line that names its columns. Phones and addresses as they are, or hashed.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )
    phone = OneLineField(
        label="Column with the phone", required=False, max_length=80, help_text="Only if its name does not tell."
    )
    email = OneLineField(
        label="Column with the e-mail address",
        required=False,
        max_length=80,
        help_text="Only if its name does not tell.",
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {filesizeformat(settings.UPLOAD_LIMIT_BYTES)}. Send it in parts."
            )
        return file

    def upload(self) -> Upload:
        said = self.cleaned_data
        return Upload(said["file"], said["file"].name or "", said["phone"], said["email"])

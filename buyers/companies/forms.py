"""Forms for a company's profile, members and API keys."""

from django import forms

from buyers.form_fields import OneLineField
from buyers.models import Buyer, Role
from leads.models import Vertical
from leads.people.identity import normal_email, normal_phone
from leads.places import STATES

PROFILE_FIELDS = [
    "legal_name",
    "trade",
    "street",
    "city",
    "state",
    "postal_code",
    "phone",
    "website",
    "license",
]


class ProfileForm(forms.ModelForm):
    state = forms.ChoiceField(
        choices=[("", "Choose a state"), *STATES.items()], error_messages={"required": "Choose a state."}
    )
    website = forms.URLField(required=False, assume_scheme="https", max_length=200)

    class Meta:
        model = Buyer
        fields = PROFILE_FIELDS
        field_classes = dict.fromkeys(["legal_name", "trade", "street", "city", "license"], OneLineField)
        labels = {
            "legal_name": "Legal name",
            "trade": "Trade",
            "license": "License number",
            "phone": "Phone",
        }
        widgets = {
            "legal_name": forms.TextInput({"autocomplete": "organization"}),
            "street": forms.TextInput({"autocomplete": "street-address"}),
            "city": forms.TextInput({"autocomplete": "address-level2"}),
            "postal_code": forms.TextInput({"autocomplete": "postal-code", "inputmode": "numeric"}),
            "phone": forms.TextInput({"autocomplete": "tel", "type": "tel"}),
        }

    def clean_phone(self) -> str:
        """Return a valid phone number, stored as typed."""
        phone = " ".join(self.cleaned_data["phone"].split())
        if normal_phone(phone) is None:
            raise forms.ValidationError("Enter a US phone number with area code, such as (937) 555-0142.")
        return phone


class RegisterForm(ProfileForm):
    verticals = forms.ModelMultipleChoiceField(
        Vertical.objects.for_resale(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="What do you want to buy?",
        help_text="We review each request. You can request more at any time.",
    )


class InviteForm(forms.Form):
    email = forms.EmailField(label="Email address", max_length=254)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.BUYER, widget=forms.RadioSelect)

    def clean_email(self) -> str:
        email = normal_email(self.cleaned_data["email"])
        if email is None:
            raise forms.ValidationError("Enter an email address, such as sam@company.com.")
        return email


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class KeyForm(forms.Form):
    name = OneLineField(label="Name", max_length=60, help_text="What will use it, such as “Nightly CRM import”.")

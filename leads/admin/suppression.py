"""Suppressions: people whose leads must not be sold, entered by phone or email and stored as digests."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from leads.models import Suppression
from leads.models.contact import DigestKind
from leads.people.identity import email_digest, normal_email, normal_phone, phone_digest
from leads.people.privacy import suppress_address

DIGEST_OF = {DigestKind.PHONE: phone_digest, DigestKind.EMAIL: email_digest}


class SuppressionForm(forms.ModelForm):
    address = forms.CharField(
        label="Phone or email",
        max_length=254,
        help_text="We store only a keyed digest of it. Every lead from this person is stopped right away.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "vTextField"}),
    )

    class Meta:
        model = Suppression
        fields = ["reason"]

    def clean_address(self) -> str:
        raw = self.cleaned_data["address"]
        normal = normal_email(raw) if "@" in raw else normal_phone(raw)
        if normal is None:
            raise forms.ValidationError("Enter a North American phone number or an email address.")
        return normal


@admin.register(Suppression)
class SuppressionAdmin(admin.ModelAdmin):
    """A person's own opt-out is never removed; an entry from a list can be, when the list drops it."""

    form = SuppressionForm
    list_display = ["kind", "reason", "created_at"]
    list_filter = ["kind", "reason"]
    ordering = ["-created_at"]
    actions = None

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return ["kind", "reason", "created_at"] if obj else ["address", "reason"]

    def has_change_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        kept = obj is None or obj.reason == Suppression.Reason.OWN_STOP
        return not kept and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        address = form.cleaned_data["address"]
        kind = DigestKind.EMAIL if "@" in address else DigestKind.PHONE
        stopped = suppress_address(**{kind.value: address}, reason=Suppression.Reason(obj.reason), now=timezone.now())
        obj.kind, obj.digest = kind, DIGEST_OF[kind](address)
        obj.pk = Suppression.objects.values_list("pk", flat=True).get(kind=kind, digest=obj.digest, reason=obj.reason)
        self.message_user(request, f"Leads from this person that were stopped: {stopped:,}.")

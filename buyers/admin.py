"""The admin for users, companies, and the queue of companies to approve."""

from collections.abc import Callable
from typing import Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.widgets import AdminURLFieldWidget
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from buyers.companies.mail import mail_decision
from buyers.companies.membership import CompanyRefusal, grant_approval, refuse_approval
from buyers.models import ApiKey, Approval, Buyer, CustomerList, Invitation, Membership, User
from leads.admin.parts import ReadOnly

Decision: TypeAlias = Callable[..., bool]


class Waiting(admin.SimpleListFilter):
    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Awaiting a decision")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.waiting() if self.value() == "waiting" else queryset


class ApprovalDecisionForm(forms.ModelForm):
    """Approve or refuse one request; the domain functions save it, not the form."""

    class Meta:
        model = Approval
        fields = ["status", "note"]

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if "status" in self.changed_data and cleaned.get("status") == Approval.Status.REQUESTED:
            self.add_error("status", "You cannot undo a decision. Choose approved or refused.")
        if cleaned.get("status") == Approval.Status.REFUSED and not cleaned.get("note"):
            self.add_error("note", "Enter a note that tells the company why.")
        if cleaned.get("status") == Approval.Status.GRANTED and not self.instance.vertical.open_for_resale:
            self.add_error("status", "This vertical is not open for resale. Choose refused.")
        return cleaned


class ApprovalInline(admin.TabularInline):
    model = Approval
    form = ApprovalDecisionForm
    fields = ["vertical", "status", "note", "requested_at", "decided_at"]
    readonly_fields = ["vertical", "requested_at", "decided_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Buyer | None = None) -> bool:
        return False


class MembershipInline(ReadOnly, admin.TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["user", "role", "created_at"]


@admin.register(Buyer)
class BuyerAdmin(admin.ModelAdmin):
    list_display = ["legal_name", "trade", "state", "asked_for", "closed_at", "created_at"]
    list_filter = [Waiting, "state", ("closed_at", admin.EmptyFieldListFilter)]
    search_fields = ["legal_name", "license", "memberships__user__email"]
    readonly_fields = ["public_id", "created_at"]
    inlines = [ApprovalInline, MembershipInline]
    formfield_overrides = {models.URLField: {"widget": AdminURLFieldWidget, "assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Buyer]:
        return super().get_queryset(request).prefetch_related("approvals__vertical")

    def has_delete_permission(self, request: HttpRequest, obj: Buyer | None = None) -> bool:
        """Never: a company that bought stays on record. Close it instead."""
        return False

    @admin.display(description="requested")
    def asked_for(self, buyer: Buyer) -> str:
        waiting = [approval for approval in buyer.approvals.all() if approval.status == Approval.Status.REQUESTED]
        return ", ".join(approval.vertical.name for approval in waiting)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not Approval:
            return super().save_formset(request, form, formset, change)
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        for row in formset.forms:
            if "status" in row.changed_data:
                decide = grant_approval if row.cleaned_data["status"] == Approval.Status.GRANTED else refuse_approval
                _decide(row.instance, decide, note=row.cleaned_data["note"])
                formset.changed_objects.append((row.instance, row.changed_data))
        return None


class NoteForm(ActionForm):
    note = forms.CharField(required=False, max_length=200, label="Note to the company")


@admin.register(Approval)
class ApprovalAdmin(ReadOnly, admin.ModelAdmin):
    """The approval queue: select requests, write a note, then approve or refuse."""

    list_display = ["buyer", "vertical", "status", "note", "requested_at", "decided_at"]
    list_filter = ["status", "vertical"]
    list_select_related = ["buyer", "vertical"]
    search_fields = ["buyer__legal_name"]
    ordering = ["requested_at"]
    action_form = NoteForm
    actions = ["grant", "refuse"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("buyers.change_approval")

    @admin.action(description="Approve selected requests", permissions=["decide"])
    def grant(self, request: HttpRequest, approvals: QuerySet[Approval]) -> None:
        self._decide_all(request, approvals, grant_approval)

    @admin.action(description="Refuse selected requests (enter a note)", permissions=["decide"])
    def refuse(self, request: HttpRequest, approvals: QuerySet[Approval]) -> None:
        self._decide_all(request, approvals, refuse_approval)

    def _decide_all(self, request: HttpRequest, approvals: QuerySet[Approval], decide: Decision) -> None:
        note = request.POST.get("note", "")[:200]
        decided = 0
        for approval in approvals.select_related("vertical"):
            try:
                decided += _decide(approval, decide, note=note)
            except CompanyRefusal as refusal:
                self.message_user(request, f"{approval}: {refusal}", messages.ERROR)
        self.message_user(request, f"Decisions saved and emailed to the owners: {decided}.")


def _decide(approval: Approval, decide: Decision, *, note: str) -> bool:
    news = decide(approval=approval, note=note, now=timezone.now())
    if news:
        mail_decision(approval)
    return news


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["email"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    add_form = NewUserForm
    list_display = ["email", "company", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    list_select_related = ["membership__buyer"]
    search_fields = ["email", "membership__buyer__legal_name"]
    ordering = ["email"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "usable_password", "password1", "password2"]})]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: deactivate users instead, so that their actions stay attributable and a company keeps an owner."""
        return False

    @admin.display(description="company")
    def company(self, user: User) -> str:
        membership = getattr(user, "membership", None)
        return str(membership.buyer) if membership else ""


@admin.register(Membership)
class MembershipAdmin(ReadOnly, admin.ModelAdmin):
    """Read-only: owners change roles on their own page, which keeps at least one owner."""

    list_display = ["user", "buyer", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "buyer"]
    search_fields = ["user__email", "buyer__legal_name"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "buyer", "prefix", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["buyer"]
    search_fields = ["name", "prefix", "buyer__legal_name"]
    exclude = ["digest"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):
    """Hides the token, because anyone who read it here could join in somebody's place."""

    list_display = ["email", "buyer", "role", "sent_at", "accepted_at", "accepted_by"]
    list_filter = ["role", ("accepted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["buyer", "accepted_by"]
    search_fields = ["email", "buyer__legal_name"]
    fields = ["buyer", "email", "role", "sent_at", "accepted_at", "accepted_by"]


@admin.register(CustomerList)
class CustomerListAdmin(ReadOnly, admin.ModelAdmin):
    """Lists of own customers, by company. Many small lists that are soon removed suggest probing of our inventory."""

    list_display = ["created_at", "buyer", "uploaded_by", "file_name", "people", "refused", "status", "removed_at"]
    list_filter = ["status", "buyer"]
    list_select_related = ["buyer", "uploaded_by"]
    date_hierarchy = "created_at"
    exclude = ["stored_as"]

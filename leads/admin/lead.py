"""Leads in the admin: everything but the contact, which staff open one at a time, with a logged reason."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join

from leads.admin.parts import ReadOnly, admin_page, laid_out
from leads.models import Consent, Contact, Lead, Leg, Reveal, Suppression
from leads.models.consent import open_machine
from leads.people.privacy import suppress_person_of, withdraw_lead
from leads.people.sealing import SealBroken
from leads.places import STATES

MASK = "•••"
REASON_LEAST = 10


class LeadQueue(admin.SimpleListFilter):
    title = "queue"
    parameter_name = "queue"
    queues = {
        "flagged": ("Flagged at intake", ~Q(flags=[])),
        "duplicate": ("Duplicate request", Q(duplicate_of__isnull=False)),
        "realtime": ("In the real-time market", Q(legs_realtime__gt=0)),
        "shelf": ("For sale", Q(legs_left__gt=0)),
        "withdrawn": ("Stopped", Q(withdrawn_at__isnull=False)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in self.queues.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        queue = self.queues.get(self.value() or "")
        return queryset.filter(queue[1]) if queue else queryset


class InState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "in_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class LegInline(ReadOnly, admin.TabularInline):
    model = Leg
    fields = ["number", "market", "status", "closed_reason", "aged_at", "ended_at"]
    ordering = ["number"]


class RevealInline(ReadOnly, admin.TabularInline):
    model = Reveal
    fields = ["at", "actor", "reason"]
    readonly_fields = ["at", "actor", "reason"]
    verbose_name_plural = "Contact views"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        min_length=REASON_LEAST,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Logged permanently with your name. Do not name the person here.",
    )


class WithdrawForm(ReasonForm):
    class Scope:
        LEAD, PERSON = "lead", "person"

    scope = forms.ChoiceField(
        label="What to stop",
        choices=[
            (Scope.LEAD, "This request"),
            (Scope.PERSON, "Every request from this person, now and later (the person opted out)"),
        ],
        widget=forms.RadioSelect,
    )


@admin.register(Lead)
class LeadAdmin(ReadOnly, admin.ModelAdmin):
    list_display = [
        "short_id",
        "vertical",
        "source",
        "state",
        "captured_at",
        "times_sold",
        "legs_left",
        "flagged",
        "withdrawn_at",
    ]
    list_filter = [LeadQueue, "vertical", "source", "kind", InState]
    list_select_related = ["vertical", "source"]
    search_fields = ["^public_id", "=external_id"]
    search_help_text = "The start of our ID, or the source's full ID."
    ordering = ["-id"]
    show_full_result_count = False
    inlines = [LegInline, RevealInline]
    fieldsets = [
        (
            "Request",
            {"fields": ["public_id", "vertical", "source", "external_id", "kind", "captured_at", "received_at"]},
        ),
        ("Answers", {"fields": ["state", "postal_code", "phone_type", "answers", "flagged", "duplicate_of"]}),
        ("Person", {"fields": ["person"]}),
        ("Consent", {"fields": ["words", "given_at", "page", "certificate"]}),
        ("Status", {"fields": ["legs_authorized", "times_sold", "withdrawn_at", "import_run"]}),
    ]
    readonly_fields = ["answers", "flagged", "person", "words", "given_at", "page", "certificate"]

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<int:number>/reveal/", guarded(self.reveal_view), name="leads_lead_reveal"),
            path("<int:number>/withdraw/", guarded(self.withdraw_view), name="leads_lead_withdraw"),
            *super().get_urls(),
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Block lookups on answers: they hold free text, so no link may probe which leads contain what."""
        return not lookup.startswith("attributes") and super().lookup_allowed(lookup, value, request)

    @admin.display(description="flags")
    def flagged(self, lead: Lead) -> str:
        return ", ".join(lead.flags)

    @admin.display(description="answers")
    def answers(self, lead: Lead) -> str:
        """Return the answers by label; what buyers do not see before the sale is masked here too."""
        shown = _shown(lead)
        return _lines(
            (item.label, item.display(lead.attributes[item.name]) if item.name in shown else MASK)
            for item in lead.schema.parsed
            if item.name in lead.attributes
        )

    @admin.display(description="contact")
    def person(self, lead: Lead) -> str:
        contact = Contact.objects.filter(lead=lead).first()
        return MASK if contact and contact.erased_at is None else "Erased"

    @admin.display(description="consent text")
    def words(self, lead: Lead) -> str:
        consent = _consent(lead)
        return f"{consent.text}: up to {consent.text.most_companies} companies" if consent else "None"

    @admin.display(description="given at")
    def given_at(self, lead: Lead) -> Any:
        consent = _consent(lead)
        return consent and consent.given_at

    @admin.display(description="page")
    def page(self, lead: Lead) -> str:
        consent = _consent(lead)
        return consent.page if consent else ""

    @admin.display(description="certificate")
    def certificate(self, lead: Lead) -> str:
        consent = _consent(lead)
        return consent.trustedform_url if consent else ""

    def reveal_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Ask for a reason, log who and why, and only then open the contact, on a page that is never stored."""
        lead = self._lead(request, number)
        if not request.user.has_perm("leads.reveal_contact"):
            raise PermissionDenied
        if self.person(lead) != MASK:
            self.message_user(request, "This contact was erased.", messages.ERROR)
            return HttpResponseRedirect(_address(lead))
        form = ReasonForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, lead, form, title="Open the contact", button="Open contact")
        Reveal.objects.create(lead=lead, actor=request.user.get_username(), reason=form.cleaned_data["reason"])
        return self._person_page(request, lead)

    def withdraw_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Stop a request, or all requests from its person, with a logged reason."""
        lead = self._lead(request, number)
        if not request.user.has_perm("leads.change_lead"):
            raise PermissionDenied
        form = WithdrawForm(request.POST or None, initial={"scope": WithdrawForm.Scope.LEAD})
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, lead, form, title="Stop this request", button="Stop request")
        if form.cleaned_data["scope"] == WithdrawForm.Scope.PERSON:
            _stop_person(lead)
        withdraw_lead(lead, timezone.now())
        self.log_change(request, lead, f"Stopped ({form.cleaned_data['scope']}): {form.cleaned_data['reason']}")
        self.message_user(request, "Stopped. This lead has no open legs left.", messages.SUCCESS)
        return HttpResponseRedirect(_address(lead))

    def _lead(self, request: HttpRequest, number: int) -> Lead:
        lead: Lead | None = self.get_object(request, str(number))
        if lead is None:
            raise Http404
        if not self.has_view_permission(request, lead):
            raise PermissionDenied
        return lead

    def _ask(self, request: HttpRequest, lead: Lead, form: forms.Form, *, title: str, button: str) -> HttpResponse:
        return admin_page(
            self, request, title=title, original=lead, adminform=laid_out(form), button=button, back=_address(lead)
        )

    def _person_page(self, request: HttpRequest, lead: Lead) -> HttpResponse:
        try:
            lines = _person_lines(lead)
        except SealBroken as error:
            self.message_user(request, f"The contact could not be opened: {error}.", messages.ERROR)
            return HttpResponseRedirect(_address(lead))
        template = "admin/leads/lead/person.html"  # the admin sends every response with no-store
        return admin_page(self, request, title="Contact", original=lead, template=template, lines=lines)


def _address(lead: Lead) -> str:
    return reverse("admin:leads_lead_change", args=[lead.pk])


def _consent(lead: Lead) -> Consent | None:
    return Consent.objects.select_related("text__source").filter(lead=lead).first()


def _shown(lead: Lead) -> set[str]:
    return set(lead.schema.parsed.as_shown_by(lead.vertical.schema).by_name)


def _stop_person(lead: Lead) -> None:
    suppress_person_of(lead, reason=Suppression.Reason.OWN_STOP, now=timezone.now())


def _person_lines(lead: Lead) -> list[tuple[str, str]]:
    """Return everything that is sealed or masked, in plain text. Raises SealBroken."""
    row = str(lead.public_id)
    person = Contact.objects.get(lead=lead).open(row)
    consent = _consent(lead)
    machine = open_machine(bytes(consent.sealed_machine), row=row) if consent and consent.sealed_machine else {}
    lines = [
        ("Name", person.full_name),
        ("Phone", person.phone),
        ("Second phone", person.second_phone),
        ("Email", person.email),
        ("Street", person.street),
        ("City", person.city),
        ("IP address of the form", machine.get("ip_address", "")),
        ("User agent of the form", machine.get("user_agent", "")),
    ]
    shown = _shown(lead)
    masked = [
        (item.label, item.display(lead.attributes[item.name]))
        for item in lead.schema.parsed
        if item.name in lead.attributes and item.name not in shown
    ]
    return [line for line in [*lines, *masked] if line[1]]


def _lines(pairs: Any) -> str:
    return format_html_join("", "<div>{}: {}</div>", pairs) or "None"

"""The operator's queue of returns, each with the facts about its lead, buyer and source, decided on one page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.money import dollars
from leads.admin.parts import Kept, ReadOnly, admin_page, laid_out
from leads.models import ClosedReason
from marketplace.models import Return, ReturnPolicy, ReturnReason
from marketplace.models.returning import MACHINE
from marketplace.returns.decisions import LONGEST_FINDING, DecisionRefused, credit, refuse
from marketplace.returns.rates import (
    abuse_of_buyer,
    faults_of_source,
    rates_of_buyer,
    rates_of_source,
    reasons_of_buyer,
    reasons_of_source,
)


class ReturnQueue(admin.SimpleListFilter):
    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting for a decision"), ("overdue", "Overdue"), ("appeals", "Appeals")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "waiting":
                return queryset.waiting().order_by("answer_by")
            case "overdue":
                return queryset.overdue(timezone.now()).order_by("answer_by")
            case "appeals":
                return queryset.filter(status=Return.Status.APPEALED).order_by("answer_by")
        return queryset


class ReturnDecisionForm(forms.Form):
    CREDIT, REFUSE = "credit", "refuse"

    decision = forms.ChoiceField(choices=[(CREDIT, "Credit"), (REFUSE, "Refuse")], widget=forms.RadioSelect)
    finding = forms.CharField(
        max_length=LONGEST_FINDING,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The buyer will read this. Do not name or identify the person.",
    )


@admin.register(Return)
class ReturnAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "buyer", "vertical", "reason", "status", "asked_at", "answer_by", "price", "source"]
    list_filter = [ReturnQueue, "status", "automatic", "reason__vertical", "buyer", "source"]
    list_select_related = ["buyer", "reason__vertical", "source"]
    search_fields = ["^public_id", "^sale__lead__public_id", "^sale__order__public_id", "buyer__legal_name"]
    date_hierarchy = "asked_at"
    show_full_result_count = False
    fieldsets = [
        ("Return", {"fields": ["lead", "order", "price", "reason", "explanation", "window"]}),
        ("Status", {"fields": ["status", "finding", "asked_at", "answer_by", "decided_at", "decided", "money"]}),
        ("History", {"fields": ["history"]}),
        ("Lead", {"fields": ["legs", "others"]}),
        ("Buyer", {"fields": ["buyer", "buyer_rate", "buyer_reasons", "abuse"]}),
        ("Source", {"fields": ["source", "source_rate", "source_reasons", "faults"]}),
    ]
    readonly_fields = [
        *("lead", "order", "price", "explanation", "window", "decided", "money", "history", "legs", "others"),
        *("buyer_rate", "buyer_reasons", "abuse", "source_rate", "source_reasons", "faults"),
    ]

    def has_view_permission(self, request: HttpRequest, obj: Return | None = None) -> bool:
        return super().has_view_permission(request, obj) or _may_decide(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or _may_decide(request)

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        return [path("<int:number>/decide/", decide, name="marketplace_return_decide"), *super().get_urls()]

    def decide_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Credit or refuse the return, with the reason; once, and again on appeal by someone else."""
        if not _may_decide(request):
            raise PermissionDenied
        returned = self.get_object(request, str(number))
        if returned is None:
            raise Http404
        form = ReturnDecisionForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and self._decide(request, returned, form):
            return HttpResponseRedirect(f"{reverse('admin:marketplace_return_changelist')}?queue=waiting")
        return admin_page(
            self,
            request,
            title=f"Decide {returned}",
            original=returned,
            template="admin/marketplace/return/decide.html",
            adminform=laid_out(form),
            button="Save decision",
            back=reverse("admin:marketplace_return_change", args=[returned.pk]),
            steps=steps_of(returned, opened=True),
            abuse=abuse_of_buyer(returned.buyer, timezone.now()),
            rates=rates_of_buyer(returned.buyer, timezone.now()),
        )

    def _decide(self, request: HttpRequest, returned: Return, form: ReturnDecisionForm) -> bool:
        verb = credit if form.cleaned_data["decision"] == ReturnDecisionForm.CREDIT else refuse
        try:
            decided = verb(returned, by=request.user, finding=form.cleaned_data["finding"], now=timezone.now())  # type: ignore[arg-type]
        except DecisionRefused as refusal:
            form.add_error(None, str(refusal))
            return False
        self.message_user(request, f"{decided}: {decided.get_status_display().lower()}.", messages.SUCCESS)
        return True

    @admin.display(description="vertical")
    def vertical(self, returned: Return) -> str:
        return str(returned.reason.vertical)

    @admin.display(description="price", ordering="cents")
    def price(self, returned: Return) -> str:
        return dollars(returned.cents)

    @admin.display(description="lead")
    def lead(self, returned: Return) -> SafeString:
        lead = returned.sale.lead
        return _link("leads_lead", lead.pk, f"{lead.vertical} {lead.state} {lead.short_id}")

    @admin.display(description="order")
    def order(self, returned: Return) -> SafeString:
        return _link("marketplace_order", returned.sale.order_id, returned.sale.order.number)

    @admin.display(description="what counts")
    def explanation(self, returned: Return) -> str:
        return returned.reason.explanation

    @admin.display(description="sold, returnable until")
    def window(self, returned: Return) -> str:
        return f"{returned.sale.sold_at:%Y-%m-%d %H:%M}, {returned.sale.returnable_until:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="decided by")
    def decided(self, returned: Return) -> str:
        if returned.automatic:
            return MACHINE
        people = [str(person) for person in (returned.decided_by, returned.decided_again_by) if person]
        return ", then ".join(people) or "not decided yet"

    @admin.display(description="credit")
    def money(self, returned: Return) -> str | SafeString:
        posted = returned.transaction
        return _link("billing_transaction", posted.pk, str(posted.public_id)) if posted else "none"

    @admin.display(description="history")
    def history(self, returned: Return) -> SafeString:
        """Return the history without the buyer's words, which may name the person; the decision page shows them."""
        return _lines(steps_of(returned, opened=False))

    @admin.display(description="legs")
    def legs(self, returned: Return) -> str:
        lead = returned.sale.lead
        elsewhere = lead.legs.filter(closed_reason=ClosedReason.SOLD_ELSEWHERE).count()
        sold = f"{lead.times_sold} of {lead.legs_authorized} sold ({elsewhere} before us)"
        return f"{sold}, {lead.legs_left} for sale"

    @admin.display(description="returns of this lead by other buyers")
    def others(self, returned: Return) -> SafeString:
        same = Return.objects.filter(sale__lead=returned.sale.lead_id).exclude(pk=returned.pk)
        found = same.select_related("buyer", "reason")
        return _lines([f"{one.buyer}: {one.reason}, {one.get_status_display().lower()}" for one in found])

    @admin.display(description="return rate")
    def buyer_rate(self, returned: Return) -> SafeString:
        return _lines([f"{rate.days} days: {rate.in_words}" for rate in rates_of_buyer(returned.buyer, timezone.now())])

    @admin.display(description="reasons in 90 days")
    def buyer_reasons(self, returned: Return) -> SafeString:
        return _lines([one.in_words for one in reasons_of_buyer(returned.buyer, timezone.now())])

    @admin.display(description="warnings")
    def abuse(self, returned: Return) -> SafeString:
        return _lines(abuse_of_buyer(returned.buyer, timezone.now()))

    @admin.display(description="return rate")
    def source_rate(self, returned: Return) -> SafeString:
        rates = rates_of_source(returned.source, timezone.now())
        return _lines([f"{rate.days} days: {rate.in_words}" for rate in rates])

    @admin.display(description="reasons in 90 days")
    def source_reasons(self, returned: Return) -> SafeString:
        return _lines([one.in_words for one in reasons_of_source(returned.source, timezone.now())])

    @admin.display(description="warnings")
    def faults(self, returned: Return) -> SafeString:
        return _lines(faults_of_source(returned.source, timezone.now()))


@admin.register(ReturnPolicy)
class ReturnPolicyAdmin(Kept, admin.ModelAdmin):
    """Changes apply to later sales only: a sale keeps the return window it was made with."""

    list_display = ["vertical", "window_days", "most_percent", "decide_days", "appeal_days"]
    list_select_related = ["vertical"]

    def get_readonly_fields(self, request: HttpRequest, obj: ReturnPolicy | None = None) -> list[str]:
        return ["vertical"] if obj else []


@admin.register(ReturnReason)
class ReturnReasonAdmin(Kept, admin.ModelAdmin):
    list_display = ["label", "vertical", "code", "decided_by", "consequence", "charges_source", "is_active"]
    list_filter = ["vertical", "decided_by", "consequence", "is_active"]
    list_select_related = ["vertical"]
    search_fields = ["label", "code"]

    def get_readonly_fields(self, request: HttpRequest, obj: ReturnReason | None = None) -> list[str]:
        return ["vertical", "code"] if obj else []


def steps_of(returned: Return, *, opened: bool) -> list[str]:
    """Return a line for each step; with the buyer's words only if ``opened`` and the person is not erased."""
    erased = returned.sale.lead.contact.erased_at is not None
    return [
        f"{step.at:%Y-%m-%d %H:%M} UTC: {step.get_kind_display().lower()} by {step.actor}"
        + (f": {step.words}" if opened and not erased and step.sealed_words else "")
        for step in returned.steps.all()
    ]


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm("marketplace.decide_returns")


def _link(page: str, number: int, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[number]), text)


def _lines(lines: list[str]) -> SafeString:
    return format_html_join("", "<div>{}</div>", ((line,) for line in lines)) or SafeString("None")

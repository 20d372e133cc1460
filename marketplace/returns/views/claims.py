"""Return leads: selected on an order's page, or listed in a file that is previewed before it is sent."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing.money import dollars
from buyers.companies.access import MemberRequest, buying_required, may_buy
from leads.models import Vertical
from marketplace.exports.rows import Reader, SoldLead
from marketplace.models import Order, ReturnReason, Sale
from marketplace.models.sale import SaleQuerySet
from marketplace.returns.claims import LONGEST_WORDS, Claim, Claimant, ClaimResult, ClaimTally, ask_all, preview
from marketplace.returns.files import ClaimRow, FileRefused, claims_in, open_rows, paired, read_file, sealed_rows

PAGE = 50


@dataclass(frozen=True)
class Returnable:
    """A bought lead that can still be returned; with its contact for a member allowed to see contacts."""

    sale: Sale
    sold: SoldLead | None
    ticked: bool


class ReturnForm(forms.Form):
    """Why the selected leads are returned. ``ask_all`` checks the leads and whether they can be returned."""

    lead = forms.TypedMultipleChoiceField(
        coerce=uuid.UUID,
        error_messages={"required": "Select the leads to return.", "invalid_choice": "Select leads in this order."},
    )
    reason = forms.ChoiceField(error_messages={"required": "Choose a reason."})
    words = forms.CharField(required=False, max_length=LONGEST_WORDS, widget=forms.Textarea)

    def __init__(self, data: object, *, leads: Iterable[UUID], reasons: Iterable[ReturnReason]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["lead"].choices = [(str(lead), "") for lead in leads]  # type: ignore[attr-defined]
        self.fields["reason"].choices = [(reason.code, reason.label) for reason in reasons]  # type: ignore[attr-defined]

    @property
    def claims(self) -> list[Claim]:
        said = self.cleaned_data
        return [Claim(lead, said["reason"], said["words"]) for lead in said["lead"]]


class FileForm(forms.Form):
    file = forms.FileField(label="CSV or Excel file")


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def ask(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Return one or more leads of an order, all in one vertical, for one reason."""
    order = get_object_or_404(request.buyer.orders, public_id=public_id)
    verticals = _verticals(order)
    vertical = next((one for one in verticals if one.slug == request.GET.get("vertical")), verticals[0])
    reasons = list(vertical.return_reasons.offered())
    sales = order.sales.filter(lead__vertical=vertical)
    form = ReturnForm(
        request.POST if request.method == "POST" else None,
        leads=sales.values_list("lead__public_id", flat=True),
        reasons=reasons,
    )
    problems: list[str] = []
    if form.is_bound and form.is_valid():
        tally = ClaimTally(ask_all(form.claims, _asker(request)))
        if len(tally.refused) < len(tally.answers):
            _tell(request, tally)
            return redirect("returns:list")
        problems = sentences(tally)
    context = {"order": order, "vertical": vertical, "verticals": verticals, "reasons": reasons, "form": form}
    context |= {"problems": problems, "policy": getattr(vertical, "return_policy", None), "longest": LONGEST_WORDS}
    context |= _choice(request, sales)
    return render(request, "marketplace/returns/claim.html", context, status=422 if form.is_bound else 200)


def _verticals(order: Order) -> list[Vertical]:
    sold = order.sales.values("lead__vertical")
    return list(Vertical.objects.filter(pk__in=sold).select_related("return_policy"))


def _choice(request: MemberRequest, sales: SaleQuerySet) -> dict[str, object]:
    """Return the leads to choose from: a page of those that can still be returned, or the ones named in the URL."""
    returnable = sales.returnable(timezone.now()).select_related("lead").order_by("id")
    named = _ids(request.GET.getlist("lead"))
    if named:
        returnable = returnable.filter(lead__public_id__in=named)
    page = Paginator(returnable, PAGE).get_page(request.GET.get("page"))
    shown = cast(SaleQuerySet, page.object_list)
    people = Reader().read(shown) if may_buy(request) else []
    sold = {one.sale.sale_id: one for one in people}
    ticked = _ids(request.POST.getlist("lead")) | named
    rows = [Returnable(sale, sold.get(sale.pk), sale.lead.public_id in ticked) for sale in shown]
    return {"page": page, "rows": rows, "bought": sales.count(), "alone": bool(named)}


def _ids(texts: Iterable[str]) -> set[UUID]:
    """Return the valid lead IDs among these texts; the rest are ignored."""
    found = set()
    for text in texts:
        try:
            found.add(uuid.UUID(text))
        except ValueError:
            continue
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def upload(request: MemberRequest) -> HttpResponse:
    """Preview a file of leads: the result of each row, before anything is returned."""
    form = FileForm(request.POST or None, request.FILES or None)
    reasons = ReturnReason.objects.offered().filter(vertical__in=request.buyer.approvals.granted().values("vertical"))
    context: dict[str, object] = {"form": form, "reasons": reasons.select_related("vertical")}
    if not form.is_bound or not form.is_valid():
        return render(request, "marketplace/returns/upload.html", context, status=422 if form.is_bound else 200)
    file, asker = form.cleaned_data["file"], _asker(request)
    try:
        rows = read_file(file, file.size)
    except FileRefused as refusal:
        form.add_error("file", str(refusal))
        return render(request, "marketplace/returns/upload.html", context, status=422)
    answers = preview(claims_in(rows), asker)
    shown = _outcome(rows, answers) | {"file_name": file.name}
    shown["sealed"] = sealed_rows(rows, buyer=request.buyer, now=asker.now)
    return render(request, "marketplace/returns/preview.html", shown)


@require_POST
@buying_required
def send(request: MemberRequest) -> HttpResponse:
    """Return the previewed leads. If it is sent twice, the second answer shows what already exists."""
    asker = _asker(request)
    try:
        rows = open_rows(request.POST.get("rows", ""), buyer=request.buyer, now=asker.now)
    except FileRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("returns:upload")
    answers = ask_all(claims_in(rows), asker)
    return render(request, "marketplace/returns/preview.html", _outcome(rows, answers) | {"done": True})


def _outcome(rows: list[ClaimRow], answers: list[ClaimResult]) -> dict[str, object]:
    """Return every row, with the problem rows separated."""
    answered = paired(rows, answers)
    problems = [one for one in answered if one.problem]
    return {
        "rows": answered,
        "problems": problems,
        "taken": len(answered) - len(problems),
        "tally": ClaimTally(answers),
    }


def _asker(request: MemberRequest) -> Claimant:
    return Claimant(request.buyer, str(request.user), timezone.now())


def _tell(request: MemberRequest, tally: ClaimTally) -> None:
    if tally.credited:
        credited = f"{_leads(len(tally.credited))} credited: {dollars(tally.credited_cents)} is back in your wallet."
        messages.success(request, credited)
    if tally.waiting:
        due = max(one.answer_by for one in tally.waiting if one.answer_by)
        messages.success(request, f"{_leads(len(tally.waiting))} in review. You will get a decision by {due:%B %-d}.")
    for sentence in sentences(tally):
        messages.warning(request, sentence)


def _leads(number: int) -> str:
    return f"{number:,} lead{'' if number == 1 else 's'}"


def sentences(tally: ClaimTally) -> list[str]:
    """Return each distinct refusal once, with the leads it applies to."""
    found: dict[str, list[str]] = {}
    for answer in tally.refused:
        if answer.refusal:
            found.setdefault(answer.refusal.message, []).append(str(answer.claim.lead)[:8])
    return [f"Not returned: lead {', '.join(leads)}. {message}" for message, leads in found.items()]

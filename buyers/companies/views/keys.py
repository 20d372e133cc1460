"""The company's API keys. Owners only, because a key can spend the wallet."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from buyers.companies.access import MemberRequest, owner_required
from buyers.companies.forms import KeyForm
from buyers.companies.keys import TooManyKeys, create_key, revoke_key
from buyers.models import ApiKey


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@owner_required
def keys(request: MemberRequest) -> HttpResponse:
    """List keys and create one. The response shows the new key once: a redirect would have to store it somewhere."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    made, plain = None, ""
    if request.method == "POST" and form.is_valid():
        try:
            made, plain = create_key(buyer=request.buyer, name=form.cleaned_data["name"], created_by=request.user)
        except TooManyKeys as refusal:
            form.add_error(None, str(refusal))
        else:
            form = KeyForm()
    listed = request.buyer.api_keys.select_related("created_by")
    context = {"form": form, "made": made, "plain": plain, "keys": listed}
    return render(request, "buyers/companies/keys.html", context, status=422 if form.errors else 200)


@require_POST
@owner_required
def revoke(request: MemberRequest, pk: int) -> HttpResponse:
    key: ApiKey = get_object_or_404(request.buyer.api_keys, pk=pk)
    revoke_key(key=key, now=timezone.now())
    messages.success(request, f"The key {key.name} is revoked. Programs can no longer use it.")
    return redirect("buyers:keys")

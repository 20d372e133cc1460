"""Stripe webhooks: verified, stored, answered. A job asks Stripe afterwards what they mean."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.stripe.gateway import BadWebhook
from billing.stripe.webhooks import receive
from marketplace.orders.tasks import act_on_stripe_event


@csrf_exempt  # Stripe has no cookie of ours; its signature over the body proves who sent it
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Return 200 once the event is stored, new or not; 400 if Stripe did not sign it. Nothing is acted on here."""
    try:
        event = receive(request.body, request.headers.get("Stripe-Signature", ""), now=timezone.now())
    except BadWebhook as refusal:
        return HttpResponse(str(refusal), status=400, content_type="text/plain")
    if event.is_waiting:
        act_on_stripe_event.delay_on_commit(event.pk)  # type: ignore[attr-defined]
    return HttpResponse("stored", content_type="text/plain")

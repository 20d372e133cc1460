"""The site map. Verticals are at the root, so they come last."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path

from marketplace.api.view import Nowhere
from marketplace.ops import health
from marketplace.orders.views.stripe_webhook import webhook

# Staff log in where everybody does, with the second factor and the rate limits on guessing.
admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler500 = "marketplace.ops.failure.server_error"

urlpatterns = [
    # The operator
    path("admin/", admin.site.urls),
    path("operator/", include("leads.urls")),
    # Probes
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
    # People and companies
    path("accounts/", include("allauth.urls")),
    path("company/", include("buyers.urls")),
    # Money
    path("wallet/", include("billing.urls")),
    # Purchases
    path("orders/", include("marketplace.orders.urls")),
    path("returns/", include("marketplace.returns.urls")),
    # Standing orders and saved searches
    path("standing-orders/", include("marketplace.standing_orders.urls")),
    # Stripe webhooks
    path("stripe/webhook/", webhook, name="stripe-webhook"),
    # Programs
    path("api/v1/", include("marketplace.api.urls")),
    re_path(r"^api/", Nowhere.as_view(), name="api-nowhere"),
    # The storefront
    path("", include("marketplace.orders.checkout_urls")),
    path("", include("marketplace.storefront.urls")),
]

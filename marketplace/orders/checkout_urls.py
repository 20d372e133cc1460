"""URLs for buying from the storefront."""

from django.urls import path

from marketplace.orders.views import awaiting_payment, checkout

app_name = "checkout"
urlpatterns = [
    # The button that places the order
    path("checkout/", checkout.pay, name="pay"),
    # An order awaiting payment
    path("checkout/<uuid:public_id>/", awaiting_payment.waiting, name="waiting"),
    path("checkout/<uuid:public_id>/pay/", awaiting_payment.pay_again, name="pay-again"),
    path("checkout/<uuid:public_id>/cancel/", awaiting_payment.cancel, name="cancel"),
    # Quote and review what a vertical's filters select
    path("<slug:slug>/quote/", checkout.buy_bar, name="buy-bar"),
    path("<slug:slug>/checkout/", checkout.review, name="review"),
]

"""Buying, from the shop's pages on."""

from django.urls import path

from marketplace.orders.views import awaiting_payment, checkout

app_name = "checkout"
urlpatterns = [
    # Leads ticked by hand, and the button that buys
    path("checkout/", checkout.pay, name="pay"),
    # An order that waits for its payment
    path("checkout/<uuid:public_id>/", awaiting_payment.waiting, name="waiting"),
    path("checkout/<uuid:public_id>/pay/", awaiting_payment.pay_again, name="pay-again"),
    path("checkout/<uuid:public_id>/cancel/", awaiting_payment.cancel, name="cancel"),
    # What a vertical's filters select
    path("<slug:slug>/quote/", checkout.buy_bar, name="buy-bar"),
    path("<slug:slug>/checkout/", checkout.review, name="review"),
]

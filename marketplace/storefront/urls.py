from django.urls import path

from marketplace.orders.views import awaiting_payment, checkout
from marketplace.storefront import views

app_name = "storefront"
urlpatterns = [
    path("", views.home, name="home"),
    # A lead, by its public id
    path("leads/<uuid:public_id>/", views.lead, name="lead"),
    # Buying: leads ticked by hand, then what a vertical's filters select
    path("checkout/", checkout.pay, name="pay"),
    # An order that waits for its payment
    path("checkout/<uuid:public_id>/", awaiting_payment.waiting, name="waiting"),
    path("checkout/<uuid:public_id>/pay/", awaiting_payment.pay_again, name="pay-again"),
    path("checkout/<uuid:public_id>/cancel/", awaiting_payment.cancel, name="cancel"),
    path("<slug:slug>/", views.browse, name="browse"),
    path("<slug:slug>/quote/", checkout.till, name="till"),
    path("<slug:slug>/checkout/", checkout.review, name="review"),
]

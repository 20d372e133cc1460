from django.urls import path

from marketplace.views import checkout, storefront

app_name = "storefront"
urlpatterns = [
    path("", storefront.home, name="home"),
    # A lead, by its public id
    path("leads/<uuid:public_id>/", storefront.lead, name="lead"),
    # Buying: leads ticked by hand, then what a vertical's filters select
    path("checkout/", checkout.pay, name="pay"),
    path("<slug:slug>/", storefront.browse, name="browse"),
    path("<slug:slug>/quote/", checkout.till, name="till"),
    path("<slug:slug>/checkout/", checkout.review, name="review"),
]

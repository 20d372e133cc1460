from django.urls import path

from marketplace.orders.views import background, orders

app_name = "orders"
urlpatterns = [
    path("", orders.listing, name="list"),
    # A large order being placed
    path("background/<uuid:public_id>/", background.progress, name="background"),
    # One order, by its public id
    path("<uuid:public_id>/", orders.detail, name="detail"),
    path("<uuid:public_id>/receipt/", orders.receipt, name="receipt"),
    path("<uuid:public_id>/invoice/", orders.invoice, name="invoice"),
    path("<uuid:public_id>/leads/", orders.leads, name="leads"),
    # Its files: request one, its progress row, and the download itself
    path("<uuid:public_id>/files/", orders.ask, name="ask"),
    path("<uuid:public_id>/files/<uuid:export_id>/", orders.progress, name="progress"),
    path("<uuid:public_id>/file/", orders.file, name="file"),
]

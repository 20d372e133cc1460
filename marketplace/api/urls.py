from django.urls import path, re_path

from marketplace.api import files, listings, orders, quotes, returns, schema, standing, verticals, view, wallet

app_name = "api"
# An id may be any text: what is no id gets the same answer as one that does not exist.
urlpatterns = [
    # Leads for sale
    path("verticals/", verticals.Verticals.as_view(), name="verticals"),
    path("listings/", listings.Listings.as_view(), name="listings"),
    path("listings/<str:public_id>/", listings.LeadCard.as_view(), name="listing"),
    # Orders
    path("quotes/", quotes.Quotes.as_view(), name="quotes"),
    path("orders/", orders.Orders.as_view(), name="orders"),
    path("orders/background/<str:public_id>/", orders.OneBackgroundOrder.as_view(), name="background-order"),
    path("orders/<str:public_id>/", orders.OneOrder.as_view(), name="order"),
    # Files
    path("orders/<str:public_id>/file.csv", files.File.as_view(), name="file"),
    path("orders/<str:public_id>/manifest/", files.Manifest.as_view(), name="manifest"),
    # Returns
    path("returns/", returns.Returns.as_view(), name="returns"),
    path("returns/reasons/", returns.Reasons.as_view(), name="return-reasons"),
    path("returns/<str:public_id>/", returns.OneReturn.as_view(), name="return"),
    # Standing orders
    path("standing-orders/", standing.StandingOrders.as_view(), name="standing-orders"),
    path("standing-orders/<str:public_id>/", standing.OneStandingOrder.as_view(), name="standing-order"),
    # Wallet
    path("wallet/", wallet.Wallet.as_view(), name="wallet"),
    # Documentation
    path("schema/", schema.OpenApi.as_view(), name="schema"),
    path("docs/", schema.docs, name="docs"),
    re_path(r"", view.Nowhere.as_view(), name="nowhere"),
]

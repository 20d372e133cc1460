from django.urls import path

from marketplace.returns.views import claims, returns

app_name = "returns"
urlpatterns = [
    path("", returns.listing, name="list"),
    # Return leads: of one order, or from a file
    path("claim/<uuid:public_id>/", claims.ask, name="ask"),
    path("file/", claims.upload, name="upload"),
    path("file/send/", claims.send, name="send"),
    # One return, by its public id
    path("<uuid:public_id>/", returns.detail, name="detail"),
    path("<uuid:public_id>/credit-note/", returns.credit_note, name="credit-note"),
    path("<uuid:public_id>/appeal/", returns.appeal, name="appeal"),
    path("<uuid:public_id>/take-back/", returns.take_back, name="take-back"),
]

from django.urls import path

from marketplace.views import handing_back, returns

app_name = "returns"
urlpatterns = [
    path("", returns.listing, name="list"),
    # Handing back: leads of one order, or a file of them
    path("ask/<uuid:public_id>/", handing_back.ask, name="ask"),
    path("file/", handing_back.upload, name="upload"),
    path("file/send/", handing_back.send, name="send"),
    # One return, by its public id
    path("<uuid:public_id>/", returns.detail, name="detail"),
    path("<uuid:public_id>/credit-note/", returns.credit_note, name="credit-note"),
    path("<uuid:public_id>/appeal/", returns.appeal, name="appeal"),
    path("<uuid:public_id>/take-back/", returns.take_back, name="take-back"),
]

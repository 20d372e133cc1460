from django.urls import path

from marketplace.views import standing

app_name = "standing"
urlpatterns = [
    path("", standing.listing, name="list"),
    # A new one, of what a vertical's filters select: to buy, or only to be told
    path("buy/<slug:slug>/", standing.buy, name="buy"),
    path("save/<slug:slug>/", standing.save, name="save"),
    # One of them, by its public id
    path("<uuid:public_id>/", standing.detail, name="detail"),
    path("<uuid:public_id>/edit/", standing.edit, name="edit"),
    path("<uuid:public_id>/pause/", standing.pause, name="pause"),
    path("<uuid:public_id>/resume/", standing.resume, name="resume"),
    path("<uuid:public_id>/end/", standing.end, name="end"),
]

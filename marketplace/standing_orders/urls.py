from django.urls import path

from marketplace.standing_orders import views

app_name = "standing_orders"
urlpatterns = [
    path("", views.listing, name="list"),
    # A new one for the leads a vertical's filters select: to buy them, or only to get alerts
    path("buy/<slug:slug>/", views.buy, name="buy"),
    path("save/<slug:slug>/", views.save, name="save"),
    # One of them, by its public id
    path("<uuid:public_id>/", views.detail, name="detail"),
    path("<uuid:public_id>/edit/", views.edit, name="edit"),
    path("<uuid:public_id>/pause/", views.pause, name="pause"),
    path("<uuid:public_id>/resume/", views.resume, name="resume"),
    path("<uuid:public_id>/end/", views.end, name="end"),
]

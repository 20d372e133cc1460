from django.urls import path

from marketplace.storefront import views

app_name = "storefront"
urlpatterns = [
    path("", views.home, name="home"),
    # A lead, by its public id
    path("leads/<uuid:public_id>/", views.lead, name="lead"),
    path("<slug:slug>/", views.browse, name="browse"),
]

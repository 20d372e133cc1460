from django.urls import path

from buyers.companies import views
from buyers.own_customers import views as own_customers

app_name = "buyers"

urlpatterns = [
    # The company
    path("", views.profile, name="profile"),
    path("register/", views.register, name="register"),
    path("edit/", views.edit, name="edit"),
    path("approvals/<slug:slug>/ask/", views.ask, name="ask"),
    # Its members
    path("members/", views.members, name="members"),
    path("members/<int:pk>/role/", views.role, name="role"),
    path("members/<int:pk>/remove/", views.remove, name="remove"),
    # Invitations
    path("invitations/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("invitations/<slug:token>/", views.accept, name="accept"),
    # Its own customers
    path("own-customers/", own_customers.customers, name="customers"),
    path("own-customers/remove/", own_customers.remove_all_customers, name="remove-all-customers"),
    path("own-customers/<uuid:public_id>/", own_customers.customer_list, name="customer-list"),
    path("own-customers/<uuid:public_id>/remove/", own_customers.remove_customers, name="remove-customers"),
    # API keys
    path("keys/", views.keys, name="keys"),
    path("keys/<int:pk>/revoke/", views.revoke, name="revoke"),
]

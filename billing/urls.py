from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("", views.wallet, name="wallet"),
    # What moved
    path("statement/", views.statement, name="statement"),
    path("statement/csv/", views.statement_csv, name="statement-csv"),
    path("statement/pdf/", views.statement_pdf, name="statement-pdf"),
    # Paying in by card, and one payment by its public id
    path("top-up/", views.top_up, name="top-up"),
    path("payments/<uuid:public_id>/", views.payment, name="payment"),
    path("payments/<uuid:public_id>/done/", views.done, name="done"),
    path("payments/<uuid:public_id>/back/", views.back, name="back"),
    path("payments/<uuid:public_id>/stop/", views.stop_payment, name="stop-payment"),
    path("payments/<uuid:public_id>/receipt/", views.receipt, name="receipt"),
    # The card on file, charged by itself
    path("automatic/", views.automatic, name="automatic"),
    path("automatic/agree/", views.agree, name="agree"),
    path("automatic/stop/", views.stop, name="stop"),
    path("card/remove/", views.remove_card, name="remove-card"),
]

from django.urls import path

from billing.auto_topup import views as automatic
from billing.payments import views
from billing.views import documents, statement
from billing.wallet import views as wallet

app_name = "billing"
urlpatterns = [
    path("", wallet.wallet, name="wallet"),
    # What moved
    path("statement/", statement.statement, name="statement"),
    path("statement/csv/", documents.statement_csv, name="statement-csv"),
    path("statement/pdf/", documents.statement_pdf, name="statement-pdf"),
    # Paying in by card, and one payment by its public id
    path("top-up/", views.top_up, name="top-up"),
    path("payments/<uuid:public_id>/", wallet.payment, name="payment"),
    path("payments/<uuid:public_id>/done/", views.done, name="done"),
    path("payments/<uuid:public_id>/back/", views.back, name="back"),
    path("payments/<uuid:public_id>/stop/", automatic.stop_payment, name="stop-payment"),
    path("payments/<uuid:public_id>/receipt/", documents.receipt, name="receipt"),
    # The card on file, charged by itself
    path("automatic/", automatic.automatic, name="automatic"),
    path("automatic/agree/", automatic.agree, name="agree"),
    path("automatic/stop/", automatic.stop, name="stop"),
    path("card/remove/", automatic.remove_card, name="remove-card"),
]

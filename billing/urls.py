from django.urls import path

from billing.auto_topup import views as auto_topup
from billing.payments import views as payments
from billing.wallet import views as wallet

app_name = "billing"
urlpatterns = [
    path("", wallet.wallet, name="wallet"),
    # Statement
    path("statement/", wallet.statement, name="statement"),
    path("statement/csv/", wallet.statement_csv, name="statement-csv"),
    path("statement/pdf/", wallet.statement_pdf, name="statement-pdf"),
    # Card payments; each by its public ID
    path("top-up/", payments.top_up, name="top-up"),
    path("payments/<uuid:public_id>/", payments.payment, name="payment"),
    path("payments/<uuid:public_id>/done/", payments.done, name="done"),
    path("payments/<uuid:public_id>/back/", payments.back, name="back"),
    path("payments/<uuid:public_id>/stop/", auto_topup.stop_payment, name="stop-payment"),
    path("payments/<uuid:public_id>/receipt/", payments.receipt, name="receipt"),
    # The saved card and its automatic charges
    path("auto-topup/", auto_topup.automatic, name="automatic"),
    path("auto-topup/agree/", auto_topup.agree, name="agree"),
    path("auto-topup/stop/", auto_topup.stop, name="stop"),
    path("card/remove/", auto_topup.remove_card, name="remove-card"),
]

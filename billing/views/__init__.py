"""What a buyer sees of money, under /wallet/."""

from billing.views.automatic import agree, automatic, remove_card, stop, stop_payment
from billing.views.documents import receipt, statement_csv, statement_pdf
from billing.views.statement import statement
from billing.views.top_up import back, done, top_up
from billing.views.wallet import payment, wallet

__all__ = [
    "agree",
    "automatic",
    "back",
    "done",
    "payment",
    "receipt",
    "remove_card",
    "statement",
    "statement_csv",
    "statement_pdf",
    "stop",
    "stop_payment",
    "top_up",
    "wallet",
]

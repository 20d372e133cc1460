"""The ways to pay that the stand-in knows, by Stripe's public test numbers and names, and what each one does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    code: str
    message: str
    decline_code: str | None = None


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
NO_FUNDS = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
EXPIRED = Decline("expired_card", "Your card has expired.")
NEEDS_PERSON = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
CHALLENGE_FAILED = Decline(
    "payment_intent_authentication_failure",
    "The provided payment method has failed authentication. Choose another one and try again.",
)
RETURNED = Decline("payment_intent_payment_attempt_failed", "The bank returned the debit.", "insufficient_funds")


@dataclass(frozen=True)
class Means:
    """One card or bank account. Anything unusual about it is a field that differs from these defaults."""

    token: str
    number: str
    label: str
    effect: str
    brand: str = "visa"
    type: str = "card"
    refused: Decline | None = None
    refused_off_session: Decline | None = None
    challenged: bool = False
    challenged_until_saved: bool = False
    disputed: bool = False
    returned: bool = False

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def is_slow(self) -> bool:
        return self.type == "us_bank_account"

    def refusal(self, *, off_session: bool, is_saved: bool) -> Decline | None:
        if self.refused:
            return self.refused
        if off_session and (self.challenged or (self.challenged_until_saved and not is_saved)):
            return NEEDS_PERSON
        return self.refused_off_session if off_session else None

    def asks_the_person(self, *, off_session: bool, is_saved: bool) -> bool:
        return not off_session and (self.challenged or (self.challenged_until_saved and not is_saved))


ALL = (
    Means("pm_card_visa", "4242424242424242", "Visa", "Pays immediately."),
    Means("pm_card_mastercard", "5555555555554444", "Mastercard", "Pays immediately.", brand="mastercard"),
    Means("pm_card_chargeDeclined", "4000000000000002", "Declined", "The bank declines.", refused=GENERIC),
    Means(
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "No funds",
        "The bank declines: insufficient funds.",
        refused=NO_FUNDS,
    ),
    Means(
        "pm_card_chargeDeclinedExpiredCard",
        "4000000000000069",
        "Expired",
        "The bank declines: the card has expired.",
        refused=EXPIRED,
    ),
    Means(
        "pm_card_authenticationRequired",
        "4000002760003184",
        "Confirms every time",
        "The bank asks the cardholder to confirm each payment; one made without them is declined.",
        challenged=True,
    ),
    Means(
        "pm_card_authenticationRequiredOnSetup",
        "4000002500003155",
        "Confirms once",
        "The bank asks the cardholder to confirm once; a saved card then pays without asking.",
        challenged_until_saved=True,
    ),
    Means(
        "pm_card_chargeCustomerFail",
        "4000000000000341",
        "Declined later",
        "Pays now and can be saved; a later payment without the cardholder is declined.",
        refused_off_session=GENERIC,
    ),
    Means(
        "pm_card_createDispute",
        "4000000000000259",
        "Disputed",
        "Pays immediately, then the cardholder disputes it as fraudulent.",
        disputed=True,
    ),
    Means(
        "pm_usBankAccount_success",
        "000123456789",
        "Bank debit",
        "Takes a while, then the money arrives.",
        type="us_bank_account",
    ),
    Means(
        "pm_usBankAccount_insufficientFunds",
        "000222222227",
        "Bank debit, returned",
        "Takes a while, then the bank returns the debit.",
        type="us_bank_account",
        returned=True,
    ),
)
BY_TOKEN = {means.token: means for means in ALL}
BY_NUMBER = {means.number: means for means in ALL}


def with_number(typed: str) -> Means | None:
    return BY_NUMBER.get("".join(typed.replace("-", " ").split()))

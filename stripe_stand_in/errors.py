"""Refusals with the words and shapes that Stripe's SDK turns into its exceptions."""

from typing import Any


class Refusal(Exception):
    """An answer other than 200. What was done before it is undone, unless a card was declined."""

    def __init__(self, status: int, message: str, *, keeps_effects: bool = False, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_effects = keeps_effects
        self.fields = {"type": "invalid_request_error", "message": message, **fields}

    def body(self) -> dict[str, Any]:
        return {"error": {name: value for name, value in self.fields.items() if value is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal(400, message, param=param, code=code)


def missing(param: str) -> Refusal:
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def unknown(param: str) -> Refusal:
    return invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")


def no_such(kind: str, id: str, param: str = "id") -> Refusal:
    return Refusal(404, f"No such {kind}: '{id}'", param=param, code="resource_missing")


def unexpected_state(message: str, intent: dict[str, Any]) -> Refusal:
    return Refusal(400, message, code="payment_intent_unexpected_state", payment_intent=intent)


def declined(message: str, code: str, decline_code: str | None, **fields: Any) -> Refusal:
    """Return a bank's decline: the failed attempt stays on record, as at Stripe."""
    return Refusal(402, message, type="card_error", code=code, decline_code=decline_code, keeps_effects=True, **fields)


def broken() -> Refusal:
    return Refusal(500, "An error occurred inside the stand-in, as requested.", type="api_error")

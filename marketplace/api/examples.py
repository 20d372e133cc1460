"""Requests and answers, for the schema and the docs page. A test sends each request and checks each answer."""

from drf_spectacular.utils import OpenApiExample

LEAD = "0f6c1c5e-9d1b-4a5e-8a3c-2f1d7c9b6e40"
TOKEN = "7QjK4n…"  # noqa: S105  (an example, shortened)
ORDER = "5b1f0a52-3c7d-4e0f-9b7a-6f0f3c2d1e11"
BACKGROUND_ORDER = "c2f7a4d0-8a2b-4e57-9d10-1b7c3a55e0f4"

FACETS = {
    "state": [
        {"value": "OH", "label": "Ohio", "count": 212},
        {"value": "WY", "label": "Wyoming", "count": "<5"},
    ],
    "age_days": [{"from": 31, "to": 85, "count": 640, "tier_cents": 220}],
}
LISTING = OpenApiExample(
    "A page",
    response_only=True,
    status_codes=["200"],
    value={
        "id": LEAD,
        "vertical": "mortgage",
        "age_days": 40,
        "state": "OH",
        "area": "454xx",
        "phone_type": "mobile",
        "attributes": {"purpose": "Refinance", "loan_amount": "$240\N{EN DASH}260k"},
        "source": {
            "legal_name": "Clearwater Media LLC",
            "site": "quotes.example",
            "masked": False,
            "kind": "own_form",
            "grade": "B",
            "incentive": False,
        },
        "legs": {"authorized": 4, "sold": 1, "left": 3},
        "proof": "retained",
        "channels": ["call", "email"],
        "price_cents": 220,
    },
)
QUOTES = [
    OpenApiExample(
        "By criteria",
        request_only=True,
        value={
            "vertical": "mortgage",
            "criteria": [
                {"field": "state", "in": ["OH", "TX"]},
                {"field": "age_days", "min": 30, "max": 90},
                {"field": "channels", "has": ["call"]},
            ],
            "quantity": 250,
            "sort": "newest",
            "max_price_cents": 250,
        },
    ),
    OpenApiExample("By id", request_only=True, value={"leads": [LEAD], "exclusive": False}),
    OpenApiExample(
        "A quote",
        response_only=True,
        status_codes=["200"],
        value={
            "token": TOKEN,
            "quantity": 250,
            "total_cents": 55000,
            "expires_at": "2026-11-22T12:10:00Z",
            "lines": [
                {
                    "quantity": 250,
                    "unit_cents": 220,
                    "amount_cents": 55000,
                    "youngest_days": 31,
                    "oldest_days": 77,
                    "lead": None,
                }
            ],
            "unavailable": [],
        },
    ),
]
_PROGRESS = {
    "id": BACKGROUND_ORDER,
    "status": "working",
    "done": 35000,
    "total": 80000,
    "order": None,
    "code": "",
    "message": "",
}
ACCEPTED = OpenApiExample("Accepted", response_only=True, status_codes=["202"], value=_PROGRESS)
IN_PROGRESS = OpenApiExample("In progress", response_only=True, status_codes=["200"], value=_PROGRESS)
ORDERS = [
    OpenApiExample("All or nothing", request_only=True, value={"quote": TOKEN, "allow_partial": False}),
    OpenApiExample(
        "An order",
        response_only=True,
        status_codes=["200", "201"],
        value={
            "id": ORDER,
            "number": "5B1F0A52",
            "status": "partial",
            "quantity": 250,
            "filled": 249,
            "replaced": 0,
            "refused": [{"lead": None, "reason": "sold_out", "quantity": 1}],
            "quoted_cents": 55000,
            "total_cents": 54780,
            "placed_at": "2026-11-22T12:01:30Z",
            "lines": [
                {
                    "vertical": "Mortgage",
                    "exclusive": False,
                    "quantity": 249,
                    "unit_cents": 220,
                    "amount_cents": 54780,
                }
            ],
        },
    ),
]
_CLAIM = {"lead": LEAD, "reason": "disconnected", "words": "Out of service, called twice on March 3."}
_RETURN = {
    "id": "c2a4b1de-6f0e-4c53-9a77-0e5b7a1d3f42",
    "lead": LEAD,
    "order": ORDER,
    "reason": "disconnected",
    "status": "asked",
    "cents": 220,
    "finding": "",
    "automatic": False,
    "asked_at": "2026-03-03T16:20:00Z",
    "answer_by": "2026-03-06T16:20:00Z",
    "decided_at": None,
    "appeal_until": None,
}
_TWICE = {"code": "twice", "message": "This lead was named before in the same list."}
RETURNS = [
    OpenApiExample(
        "Two claims", request_only=True, value={"returns": [_CLAIM, {**_CLAIM, "reason": "outside-criteria"}]}
    ),
    OpenApiExample(
        "One accepted, one not",
        response_only=True,
        status_codes=["200"],
        value={
            "results": [
                {"lead": LEAD, "accepted": True, "code": "", "message": "", "returned": _RETURN},
                {"lead": LEAD, "accepted": False, **_TWICE, "returned": None},
            ]
        },
    ),
]
STANDING_ORDER = [
    OpenApiExample(
        "Buy at $1.80 or less",
        request_only=True,
        value={
            "vertical": "mortgage",
            "kind": "buy",
            "name": "Ohio refinance",
            "criteria": [{"field": "state", "in": ["OH"]}, {"field": "purpose", "in": ["refinance"]}],
            "max_price_cents": 180,
            "daily_cap": 25,
            "budget_cents": 50000,
        },
    ),
    OpenApiExample(
        "Save a search",
        request_only=True,
        value={
            "vertical": "mortgage",
            "kind": "alert",
            "name": "Texas",
            "criteria": [{"field": "state", "in": ["TX"]}],
        },
    ),
]
STANDING_ORDER_CHANGE = [
    OpenApiExample("Pause it at a lower price", request_only=True, value={"status": "paused", "max_price_cents": 150}),
]

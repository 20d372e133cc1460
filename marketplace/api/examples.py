"""What asking and answering looks like, for the schema and the docs page; tests hold them to their shapes."""

from drf_spectacular.utils import OpenApiExample

LEAD = "0f6c1c5e-9d1b-4a5e-8a3c-2f1d7c9b6e40"
TOKEN = "7QjK4n…"  # noqa: S105  (an example, shortened)
ORDER = "5b1f0a52-3c7d-4e0f-9b7a-6f0f3c2d1e11"
PLACING = "c2f7a4d0-8a2b-4e57-9d10-1b7c3a55e0f4"

LISTINGS = [
    OpenApiExample(
        "A page",
        response_only=True,
        status_codes=["200"],
        value={
            "count": 1840,
            "facets": {
                "state": [
                    {"value": "OH", "label": "Ohio", "count": 212},
                    {"value": "WY", "label": "Wyoming", "count": "<5"},
                ],
                "age_days": [{"from": 31, "to": 85, "count": 640, "tier_cents": 220}],
            },
            "price": {"lowest_cents": 35, "highest_cents": 500},
            "results": [
                {
                    "id": LEAD,
                    "vertical": "mortgage-refinance",
                    "age_days": 40,
                    "state": "OH",
                    "area": "454xx",
                    "phone_type": "mobile",
                    "attributes": {"purpose": "Cash out", "loan_amount": "$240\N{EN DASH}260k"},
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
                }
            ],
            "next": f"https://market.example/api/v1/listings/?vertical=mortgage-refinance&state=OH&after={LEAD}",
        },
    )
]
QUOTES = [
    OpenApiExample(
        "So many of what criteria select",
        request_only=True,
        value={
            "vertical": "mortgage-refinance",
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
    OpenApiExample("Named leads", request_only=True, value={"leads": [LEAD], "exclusive": False}),
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
_ON_ITS_WAY = {
    "id": PLACING,
    "status": "working",
    "done": 35000,
    "total": 80000,
    "order": None,
    "code": "",
    "message": "",
}
TAKEN_IN = OpenApiExample("Taken in", response_only=True, status_codes=["202"], value=_ON_ITS_WAY)
ON_ITS_WAY = OpenApiExample("On its way", response_only=True, status_codes=["200"], value=_ON_ITS_WAY)
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
                    "vertical": "Mortgage refinance",
                    "exclusive": False,
                    "quantity": 249,
                    "unit_cents": 220,
                    "amount_cents": 54780,
                }
            ],
        },
    ),
]

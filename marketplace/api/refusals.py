"""The refusals that the schema tells of, by status."""

from drf_spectacular.utils import OpenApiResponse

from marketplace.api.serializers import ErrorSerializer

SAID = {
    400: "What was asked makes no sense; “fields” says where.",
    401: "No key, or one that does not work.",
    402: "“not_enough_money”: the wallet holds less than the order costs; with “balance_cents” and “needed_cents”.",
    403: "“not_approved”: your company is not approved for this vertical.",
    404: "There is no such thing, or it is not yours.",
    409: "“quote_expired”, “not_all_there” (with “left” and “refused”), “empty_quote”, “too_many_under_way” or"
    " “standing_refused”; nothing was sold or charged.",
    422: "“key_reused”: the key was used for another order.",
    429: "Asked too often; “Retry-After” says how many seconds to wait.",
}
EVERYWHERE = (401, 429)


def refuses(*statuses: int) -> dict[int, OpenApiResponse]:
    """These answers, and those that any address may give."""
    return {status: OpenApiResponse(ErrorSerializer, SAID[status]) for status in (*statuses, *EVERYWHERE)}

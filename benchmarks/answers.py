"""Fictional answers to a vertical's own questions, as one SQL expression that draws new ones for each row.

Shares and amounts are skewed like real ones: first choices are frequent, large sums rare, some questions unanswered.
Where real loan requests were available (grade, purpose, term, housing), the shares are theirs.
"""

from collections.abc import Sequence

from leads.schema.fields import Field, FieldType, Schema

ANSWERED, ANSWERED_IF_ASKED_LATE = 0.9, 0.5  # questions that filters use come first
SHARES: dict[str, Sequence[float]] = {
    "credit": (0.22, 0.37, 0.27, 0.14),
    "credit_grade": (0.246, 0.304, 0.265, 0.145, 0.033, 0.006, 0.001),
    "loan_purpose": (0.515, 0.225, 0.068, 0.03, 0.016, 0.013, 0.007, 0.006, 0.012, 0.015, 0.001, 0.092),
    "housing": (0.386, 0.135, 0.479),
    "purpose": (0.45, 0.32, 0.19, 0.04),
    "property_use": (0.83, 0.05, 0.12),
}
# Least, most and step of the answers. Fields not listed: numbers from 0 to 100, amounts from 1,000 to 500,000.
SPREAD: dict[str, tuple[float, float, float]] = {
    "property_value": (60_000, 2_500_000, 5_000),
    "current_rate": (2, 9, 0.125),
    "down_payment": (0, 40, 5),
    "late_payments": (0, 6, 1),
    "drivers": (1, 5, 1),
    "vehicles": (1, 5, 1),
    "vehicle_year": (1998, 2026, 1),
    "annual_miles": (2_000, 30_000, 1_000),
    "violations": (0, 5, 1),
    "household_size": (1, 8, 1),
    "applicant_age": (18, 85, 5),
    "height": (56, 80, 1),
    "weight": (95, 340, 1),
    "coverage_amount": (25_000, 2_000_000, 25_000),
    "year_built": (1900, 2026, 1),
    "square_feet": (500, 6_000, 250),
    "deductible": (250, 10_000, 250),
    "claims": (0, 5, 1),
    "electric_bill": (40, 800, 50),
    "roof_age": (0, 40, 1),
    "units": (1, 30, 1),
    "budget": (500, 90_000, 500),
    "loan_amount": (1_000, 1_500_000, 500),
    "annual_income": (12_000, 400_000, 1_000),
    "household_income": (12_000, 400_000, 1_000),
    "debt_to_income": (1, 60, 0.01),
    "employment_years": (0, 35, 1),
    "debt_amount": (2_000, 150_000, 500),
    "months_behind": (0, 24, 1),
    "monthly_income": (1_200, 20_000, 100),
    "monthly_budget": (100, 1_200, 25),
    "months_at_job": (0, 300, 1),
}
TEXTS = ("Example Mutual", "Sample Works", "Dayton Light", "Model T", "Evenings, please")


def answers(schema: Schema) -> str:
    """Return a jsonb expression over a row with a ``luck`` from 0 to 1; it leaves out unanswered questions."""
    pairs = ", ".join(f"'{field.name}', {_answer(field)}" for field in schema)
    return f"jsonb_strip_nulls(jsonb_build_object({pairs}))"


def _answer(field: Field) -> str:
    share = ANSWERED if field.filterable else ANSWERED_IF_ASKED_LATE
    return f"CASE WHEN random() < {share} THEN {_DRAWN[field.type](field)} END"


def _choice(field: Field) -> str:
    return drawn_text(list(field.choices), SHARES.get(field.name, ()))


def drawn_text(values: Sequence[str], shares: Sequence[float] = ()) -> str:
    """One of several texts, by these shares or each a third rarer than the one before."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}])[{drawn_place(shares if len(shares) == len(values) else _falling(len(values)))}]"


def drawn_place(shares: Sequence[float]) -> str:
    """A position in a list, from 1."""
    steps = [sum(shares[:place]) / sum(shares) for place in range(1, len(shares))]
    return f"1 + width_bucket(random(), ARRAY[{', '.join(f'{step:.6f}' for step in steps)}]::float8[])"


def _falling(quantity: int) -> list[float]:
    return [(2 / 3) ** place for place in range(quantity)]


def _choices(field: Field) -> str:
    """Each choice independently; at least the first."""
    keys = list(field.choices)
    rest = "".join(f", CASE WHEN random() < 0.3 THEN '{key}' END" for key in keys[1:])
    return f"to_jsonb(array_remove(ARRAY['{keys[0]}'{rest}], NULL))"


def _number(field: Field) -> str:
    low, high, step = _spread(field, (0, 100, 1))
    return _stepped(f"random() * random() * {(high - low) / step}", low, step)


def _money(field: Field) -> str:
    """Uniform over the orders of magnitude."""
    low, high, step = _spread(field, (1_000, 500_000, 500))
    start = max(low, step)
    return _stepped(f"({start} * {high / start} ^ random() - {low}) / {step}", low, step)


def _spread(field: Field, usual: tuple[float, float, float]) -> tuple[float, float, float]:
    low, high, step = SPREAD.get(field.name, usual)
    return max(low, field.minimum or 0), min(high, high if field.maximum is None else field.maximum), step


def _stepped(steps: str, low: float, step: float) -> str:
    whole = float(low).is_integer() and float(step).is_integer()
    value = f"({low:.10g} + {step:.10g} * floor({steps}))"
    return f"{value}::bigint" if whole else f"trim_scale({value}::numeric(12, 3))"


def _range(field: Field) -> str:
    """A band as forms offer it, from one round sum to the next. Both ends come from one draw, the row's ``luck``."""
    low, high, step = _spread(field, (1_000, 500_000, 500))
    span = int(max(step, (high - low) // 40))
    digits = f"(luck * {1 + 37 * len(field.name)})"
    bands = int((high - low) // span)
    start = f"{int(low)} + {span} * floor({bands} * power({digits} - floor({digits}), 2))::bigint"
    return f"jsonb_build_object('min', {start}, 'max', {start} + {span})"


def _flag(field: Field) -> str:
    return "random() < 0.4"


def _date(field: Field) -> str:
    return "(date '2026-01-01' + (floor(random() * 700))::int)::text"


def _text(field: Field) -> str:
    return drawn_text(TEXTS)


_DRAWN = {
    FieldType.CHOICE: _choice,
    FieldType.CHOICES: _choices,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.FLAG: _flag,
    FieldType.DATE: _date,
    FieldType.TEXT: _text,
    FieldType.RANGE: _range,
}

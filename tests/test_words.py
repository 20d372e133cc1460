"""One thing has one name, and one name means one thing (docs/words.md)."""

import ast
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROGRAMS = ("leads", "buyers", "billing", "marketplace", "stripe_stand_in")
# Django looks for these names itself, one in each module.
GIVEN_BY_DJANGO = {"Command", "Migration"}


def modules():
    return [path for program in PROGRAMS for path in sorted((PROJECT / program).rglob("*.py"))]


def defined_names(tree):
    """Return the public classes and type aliases at the top of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            yield ast.unparse(node.target)


def test_no_public_class_name_is_defined_in_two_modules():
    places = defaultdict(list)
    for path in modules():
        for name in defined_names(ast.parse(path.read_text())):
            if not name.startswith("_") and name not in GIVEN_BY_DJANGO:
                places[name].append(str(path.relative_to(PROJECT)))

    assert len(places) > 500
    assert {name: found for name, found in places.items() if len(found) > 1} == {}

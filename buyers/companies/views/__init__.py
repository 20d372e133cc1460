"""The company's own pages, under /company/."""

from buyers.companies.views.company import ask, edit, profile, register
from buyers.companies.views.keys import keys, revoke
from buyers.companies.views.members import accept, members, remove, role, withdraw

__all__ = [
    "accept",
    "ask",
    "edit",
    "keys",
    "members",
    "profile",
    "register",
    "remove",
    "revoke",
    "role",
    "withdraw",
]

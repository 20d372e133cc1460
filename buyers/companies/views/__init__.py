"""The company's own pages, under /company/."""

from buyers.companies.views.company import ask, edit, profile, register
from buyers.companies.views.keys import keys, revoke
from buyers.companies.views.members import accept, members, remove, role, withdraw
from buyers.own_customers.views import customer_list, customers, remove_all_customers, remove_customers

__all__ = [
    "accept",
    "ask",
    "customer_list",
    "customers",
    "edit",
    "keys",
    "members",
    "profile",
    "register",
    "remove",
    "remove_all_customers",
    "remove_customers",
    "revoke",
    "role",
    "withdraw",
]

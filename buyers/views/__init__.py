"""The company's own pages, under /company/."""

from buyers.views.company import ask, edit, profile, register
from buyers.views.keys import keys, revoke
from buyers.views.members import accept, members, remove, role, withdraw

__all__ = ["accept", "ask", "edit", "keys", "members", "profile", "register", "remove", "revoke", "role", "withdraw"]

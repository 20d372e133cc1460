"""The demand: people who log in, the companies they buy for, and what those may buy."""

from buyers.models.api_key import ApiKey
from buyers.models.buyer import Approval, Buyer, Invitation, Membership, Role
from buyers.models.user import User

__all__ = ["ApiKey", "Approval", "Buyer", "Invitation", "Membership", "Role", "User"]

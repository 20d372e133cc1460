"""Buyers: users, their companies, and each company's approvals, standing orders and own customers."""

from buyers.models.api_key import ApiKey
from buyers.models.buyer import Approval, Buyer, Invitation, Membership, Role
from buyers.models.own_customer import CustomerList, OwnCustomer
from buyers.models.standing_order import StandingOrder
from buyers.models.user import User

__all__ = [
    "ApiKey",
    "Approval",
    "Buyer",
    "CustomerList",
    "Invitation",
    "Membership",
    "OwnCustomer",
    "Role",
    "StandingOrder",
    "User",
]

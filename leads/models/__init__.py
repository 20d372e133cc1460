"""Leads: what people requested, under which consent text, and the legs that can be sold."""

from leads.models.change import Change, FeedHorizon, FeedMark
from leads.models.consent import Channel, Consent, ConsentText
from leads.models.contact import Contact, ContactDigest, DigestKind, Suppression
from leads.models.importing import ColumnMapping, ImportProblem, ImportRun
from leads.models.lead import Lead, LeadKind, PhoneType
from leads.models.leg import ClosedReason, Leg, LegStatus, Market
from leads.models.record import Reveal, SweepRun
from leads.models.source import Grade, Source, SourceKind
from leads.models.vertical import FieldSchema, Vertical

__all__ = [
    "Change",
    "Channel",
    "ClosedReason",
    "ColumnMapping",
    "Consent",
    "ConsentText",
    "Contact",
    "ContactDigest",
    "DigestKind",
    "FeedHorizon",
    "FeedMark",
    "FieldSchema",
    "Grade",
    "ImportProblem",
    "ImportRun",
    "Lead",
    "LeadKind",
    "Leg",
    "LegStatus",
    "Market",
    "PhoneType",
    "Reveal",
    "Source",
    "SourceKind",
    "Suppression",
    "SweepRun",
    "Vertical",
]

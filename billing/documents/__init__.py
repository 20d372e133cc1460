"""Invoices, receipts, credit notes and statements as PDF: what they say, and how they are set."""

from billing.documents.document import Document, Line, Party
from billing.documents.rendering import render

__all__ = ["Document", "Line", "Party", "render"]

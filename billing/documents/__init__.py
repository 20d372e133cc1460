"""Invoices, receipts, credit notes and statements as PDF: what they say, and how they are set."""

from billing.documents.document import Document, DocumentLine, Party
from billing.documents.rendering import render

__all__ = ["Document", "DocumentLine", "Party", "render"]

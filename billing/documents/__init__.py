"""Invoices, receipts, credit notes and statements as PDFs: their content and their layout."""

from billing.documents.document import Document, DocumentLine, Party
from billing.documents.rendering import render

__all__ = ["Document", "DocumentLine", "Party", "render"]

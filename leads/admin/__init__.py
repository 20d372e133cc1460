"""The admin for leads and sources. No list, search or autocomplete here reaches personal data."""

from leads.admin.lead import LeadAdmin
from leads.admin.records import ImportProblemAdmin, ImportRunAdmin, RevealAdmin, SweepRunAdmin
from leads.admin.source import ConsentTextAdmin, SourceAdmin
from leads.admin.suppression import SuppressionAdmin
from leads.admin.vertical import FieldSchemaAdmin, VerticalAdmin

__all__ = [
    "ConsentTextAdmin",
    "FieldSchemaAdmin",
    "ImportProblemAdmin",
    "ImportRunAdmin",
    "LeadAdmin",
    "RevealAdmin",
    "SourceAdmin",
    "SuppressionAdmin",
    "SweepRunAdmin",
    "VerticalAdmin",
]

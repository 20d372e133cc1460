"""Presets: files that other programs import as they are, each as that program's own help describes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from marketplace.exports.columns import ENVELOPE, LEAD_CODE, NOTES, Column, fixed
from marketplace.models.file import FileFormat

Available = Mapping[str, Column]
ANY_FORMAT = (FileFormat.CSV, FileFormat.MARKED_CSV, FileFormat.XLSX)
OWN = "own"


@dataclass(frozen=True)
class Preset:
    """``limit`` is the most rows that the program accepts in one file; a larger order comes in parts."""

    name: str
    title: str
    note: str
    pick: Callable[[Available], list[Column]]
    formats: tuple[FileFormat, ...] = ANY_FORMAT
    heading: bool = True
    limit: int | None = None


def _everything(available: Available) -> list[Column]:
    """Return all columns headed by their own names, whose spelling never changes."""
    return [column.headed(column.name) for column in available.values()]


def _hubspot(available: Available) -> list[Column]:
    return [
        *_headed({"First Name": "first_name", "Last Name": "last_name", "Email": "email", "Phone Number": "phone"}),
        *_headed({"Street Address": "street", "City": "city", "State/Region": "state", "Postal Code": "postal_code"}),
        fixed("United States").headed("Country/Region"),
        fixed("New").headed("Lead Status"),
        fixed("Lead").headed("Lifecycle Stage"),
        NOTES.headed("Message"),
        *_ours(),
    ]


def _salesforce(available: Available) -> list[Column]:
    return [
        ENVELOPE["first_name"].headed("First Name"),
        Column("", "Last Name", "", lambda batch: [person.last_name or "(no name)" for person in batch.people]),
        fixed("Individual").headed("Company"),  # Salesforce requires a company for each lead, and ours have none
        *_headed({"Email": "email", "Phone": "phone", "Street": "street", "City": "city", "State": "state"}),
        *_headed({"Postal Code": "postal_code"}),
        fixed("United States").headed("Country"),
        fixed("Purchased List").headed("Lead Source"),
        fixed("Open - Not Contacted").headed("Lead Status"),
        NOTES.headed("Description"),
        *_ours(),
    ]


def _vicidial(available: Available) -> list[Column]:
    """Return the loader's standard layout. It is read by position, so no column may be left out."""
    blank = fixed("")
    order = available["order"]
    person = ENVELOPE
    return [
        LEAD_CODE.headed("vendor_lead_code"),
        order.headed("source_id"),
        blank.headed("list_id"),  # selected on the loader's page
        fixed("1").headed("phone_code"),
        person["phone"].headed("phone_number"),
        blank.headed("title"),
        person["first_name"],
        blank.headed("middle_initial"),
        person["last_name"],
        person["street"].headed("address1"),
        blank.headed("address2"),
        blank.headed("address3"),
        person["city"],
        person["state"],
        blank.headed("province"),
        person["postal_code"],
        fixed("USA").headed("country_code"),
        blank.headed("gender"),
        blank.headed("date_of_birth"),
        person["second_phone"].headed("alt_phone"),
        person["email"],
        blank.headed("security_phrase"),
        NOTES.headed("comments"),
        blank.headed("rank"),
        blank.headed("owner"),
    ]


def _convoso(available: Available) -> list[Column]:
    """Return columns with headings of letters, digits and spaces only."""
    return [
        *_headed({"Phone Number": "phone", "First Name": "first_name", "Last Name": "last_name", "Email": "email"}),
        *_headed({"Address 1": "street", "City": "city", "State": "state", "Postal Code": "postal_code"}),
        *_headed({"Alt Phone 1": "second_phone"}),
        NOTES.headed("Notes"),
        *_ours(),
    ]


def _headed(names: dict[str, str]) -> list[Column]:
    return [ENVELOPE[name].headed(heading) for heading, name in names.items()]


def _ours() -> list[Column]:
    """Return the lead's id and status: no program asks for them, but every one can be set up to keep them."""
    return _headed({"Remainder Lead ID": "lead_id", "Remainder Status": "status"})


_PRESETS = [
    Preset("plain", "Plain", "Every column, one lead per row.", _everything),
    Preset(OWN, "My own columns", "The columns you select below, in your order.", _everything),
    Preset("hubspot", "HubSpot", "Contacts, with headings that HubSpot's import maps automatically.", _hubspot),
    Preset(
        "salesforce",
        "Salesforce",
        "Leads for the Data Import Wizard. The company is “Individual”.",
        _salesforce,
        formats=(FileFormat.CSV,),
        limit=50_000,
    ),
    Preset(
        "vicidial",
        "VICIdial",
        "The lead loader's standard layout: no header row, digits only.",
        _vicidial,
        formats=(FileFormat.CSV,),
        heading=False,
    ),
    Preset(
        "convoso",
        "Convoso",
        "10-digit phone numbers, up to 30,000 leads per file.",
        _convoso,
        formats=(FileFormat.CSV,),
        limit=30_000,
    ),
]
PRESETS = {preset.name: preset for preset in _PRESETS}

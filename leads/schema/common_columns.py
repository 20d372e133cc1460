"""The fields that every lead has, with the column names that files use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnvelopeField:
    """A field that every lead has, whatever its vertical, with the names that files use for it."""

    name: str
    label: str
    aliases: tuple[str, ...] = ()


def _field(name: str, label: str, aliases: str = "") -> EnvelopeField:
    return EnvelopeField(name, label, tuple(aliases.split()))


ENVELOPE: tuple[EnvelopeField, ...] = (
    _field("first_name", "First name", "firstname first fname namefirst givenname contactfirstname"),
    _field("last_name", "Last name", "lastname last lname namelast surname familyname contactlastname"),
    _field("full_name", "Full name", "fullname name contactname customername leadname"),
    _field("email", "Email", "emailaddress mail email1 primaryemail contactemail emailaddr"),
    _field(
        "phone",
        "Phone",
        "phone1 phonenumber primaryphone homephone phonehome telephone tel cell cellphone mobile mobilephone"
        " phoneprimary dayphone contactphone phonenum number1",
    ),
    _field(
        "second_phone",
        "Second phone",
        "phone2 altphone alternatephone secondaryphone otherphone workphone phonework eveningphone evephone number2",
    ),
    _field("phone_type", "Phone type", "linetype phonelinetype phonetype1"),
    _field("street", "Street", "address address1 street1 streetaddress addressline1 mailingaddress addr1 addr"),
    _field("second_street", "Address line 2", "address2 street2 addressline2 unit apt apartment suite addr2"),
    _field("city", "City", "town locality addresscity"),
    _field("state", "State", "region province statecode addressstate st stateabbr provincestate"),
    _field("postal_code", "ZIP code", "zip zipcode postal postcode zip5 addresszip zippostal zippostalcode"),
    _field(
        "captured_at",
        "Request date and time",
        "submittedat sourcetimestamp capturedat createdat created createddate datecreated leaddate date timestamp"
        " submitted submissiondate submitdate submittime datetime optindate leadcreated entrydate postedat receivedat"
        " dateadded capturetime leadtime generated generateddate datesubmitted",
    ),
    _field(
        "external_id",
        "Source's own ID",
        "leadid id xid vendorleadid externalid externalleadid recordid reference ref uniqueid sourceid leadnumber"
        " transactionid requestid",
    ),
    _field(
        "legs_authorized",
        "Companies that may call",
        "numbuyers allowedtimessold legs legsallowed maxbuyers maxsales maxlegs companiesallowed maxcompanies"
        " buyersallowed timesallowed",
    ),
    _field(
        "legs_sold",
        "Already sold",
        "lpnumsold numsold timessold soldtimes soldcount salescount legssoldelsewhere sold numbersold",
    ),
    _field(
        "consent_text",
        "Consent text (version)",
        "consentversion consenttextversion disclaimerversion tcpaversion consentid tcpatextversion tcpa consent",
    ),
    _field(
        "consent_page",
        "Consent page",
        "consenturl conversionurl landingpage pageurl url landingpageurl landingurl optinurl sourceurl tcpaurl"
        " websiteurl formurl website",
    ),
    _field(
        "consent_at",
        "Consent date and time",
        "consentdate consenttimestamp consenttime tcpadate tcpatimestamp optintimestamp consentgivenat tcpaconsentdate",
    ),
    _field("ip_address", "IP address", "ip ipaddr clientip userip remoteip optinip leadip"),
    _field("user_agent", "Browser (user agent)", "useragent browser ua clientuseragent"),
    _field(
        "trustedform_url",
        "TrustedForm certificate",
        "trustedform trustedformcerturl xxtrustedformcerturl trustedformcert trustedformtoken certurl certificateurl"
        " trustedformcertificate",
    ),
    _field(
        "leadid_token",
        "LeadiD (Jornaya)",
        "universalleadid jornaya jornayaleadid leadidtoken jornayaid jornayatoken universalid",
    ),
    _field(
        "retained_until",
        "Certificate retained until",
        "trustedformretainuntil certretaineduntil trustedformexpires trustedformexpiresat retaineduntil",
    ),
)
ENVELOPE_NAMES = frozenset(field.name for field in ENVELOPE)

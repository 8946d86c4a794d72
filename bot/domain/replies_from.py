"""Tell which phone a From address names, and whether its carrier answers from that domain."""

import re
from collections.abc import Collection, Iterable

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

# `+12065550100/TYPE=PLMN` is how some MMS gateways write a number.
_NUMBER = re.compile(r"(\+?)([0-9]{7,15})(?:/type=[a-z0-9]{1,16})?", re.ASCII | re.IGNORECASE)
# Domains of one carrier: a text that went to one is answered from another.
_FAMILIES = (
    frozenset({"vtext.com", "vzwpix.com"}),
    frozenset({"txt.att.net", "mms.att.net", "cingularme.com", "mobile.mycingular.com"}),
    frozenset({"tmomail.net"}),
    frozenset({"messaging.sprintpcs.com", "pm.sprint.com"}),
    frozenset({"msg.fi.google.com"}),
    frozenset({"sms.cricketwireless.net", "mms.cricketwireless.net"}),
    frozenset({"email.uscc.net", "mms.uscc.net"}),
    frozenset({"sms.myboostmobile.com", "myboostmobile.com"}),
    frozenset({"mymetropcs.com"}),
    frozenset({"pcs.rogers.com", "mms.rogers.com"}),
    frozenset({"txt.bell.ca", "txt.bellmobility.ca"}),
    frozenset({"msg.telus.com", "mms.telusmobility.com"}),
)


def numbers_meant(author: str, countries: Iterable[str]) -> frozenset[str]:
    """List the numbers (E.164) that an address may mean: as written whole, or at home in a country."""
    local, _, domain = author.rpartition("@")
    found = _NUMBER.fullmatch(local)
    if found is None or not domain:
        return frozenset()
    plus, digits = found.groups()
    meant = {_e164(f"+{digits}", None)}
    if not plus:
        meant |= {_e164(digits, country) for country in countries}
    return frozenset(number for number in meant if number)


def _e164(written: str, country: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(written, country)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def may_answer(gateway: str, domain: str, more: Collection[str] = ()) -> bool:
    """Tell whether answers to texts that go to a gateway may come from this domain, or one under it."""
    family = next((one for one in _FAMILIES if gateway in one), frozenset({gateway}))
    return any(domain == one or domain.endswith(f".{one}") for one in {*family, gateway, *more})

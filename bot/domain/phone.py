"""Read phone numbers that people type, and write them in the forms that gateways want."""

import unicodedata
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

from bot.domain.countries import country_name
from bot.domain.errors import UserError

NANP_CODE: Final = 1
LONGEST_TYPED_CHARS: Final = 64
_PUNCTUATION: Final = frozenset("-()[]./‐‑‒–—―−（）．／－\u00ad\u200b\u200e\u200f\u2060\u202a\u202c\ufeff")
_PLUSES: Final = frozenset("+＋")
# Territories that the mainland's carriers serve under the same numbering plan.
_SERVED_TOO: Final = {
    "US": frozenset({"US", "PR", "VI", "GU", "MP", "AS"}),
    "GB": frozenset({"GB", "GG", "JE", "IM"}),
}
_TAKES_TEXTS: Final = frozenset(
    {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP}
)
_NO_TEXTS: Final = {
    PhoneNumberType.FIXED_LINE: "a landline",
    PhoneNumberType.TOLL_FREE: "a toll-free number",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.VOICEMAIL: "a voicemail number",
}


@dataclass(frozen=True, slots=True, repr=False)
class Number:
    """Hold one phone number in E.164 form (`+` and digits) with its country (ISO 3166 alpha-2)."""

    e164: str
    country: str

    def __repr__(self) -> str:
        return f"Number({mask(self.e164)}, {self.country})"

    __str__ = __repr__


def parse_number(typed: str, country: str, *, anywhere: bool = False) -> Number:
    """Read a typed number as one of `country`, or of any country where `anywhere` (it then needs its `+`).

    Raise UserError with one sentence that never repeats the number.
    """
    parsed = _parse(_digits(typed), country)
    _check_length(parsed, country)
    region = _region(parsed)
    if region is None:
        raise UserError(f"That is not a number that exists in {_place(parsed, country)}; check its digits.")
    if not anywhere and not _serves(country, region, parsed):
        raise UserError(
            f"That looks like a number of {country_name(region)}, but this carrier is in "
            f"{country_name(country)}; choose a carrier of the number's country."
        )
    if not _fictitious(parsed):
        _check_kind(parsed)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164, country if not anywhere and _is_of(parsed, country) else region)


def national_digits(number: Number) -> str:
    """Write the number without country code and trunk prefix (Italy's leading zero stays)."""
    digits = number.e164.removeprefix("+")
    # No country code begins with another one, and E.164 has the national number right behind it.
    return digits.removeprefix(_country_code(digits))


def country_code_digits(number: Number) -> str:
    """Write the country code and the number without the `+`."""
    return number.e164.removeprefix("+")


def trunk_digits(number: Number) -> str:
    """Write the number as dialled at home, with the trunk prefix (0, in Hungary 06) where there is one."""
    return trunk_prefix(number.country) + national_digits(number)


def trunk_prefix(country: str) -> str:
    """Name the digits dialled before a national number; empty where there are none that start with 0."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    prefix = (metadata.national_prefix if metadata else None) or ""
    return prefix if prefix.startswith("0") else ""


def is_nanp(country: str | None) -> bool:
    """Tell whether the country shares +1, where a number is always ten digits."""
    return country is not None and phonenumbers.country_code_for_region(country) == NANP_CODE


def mask(e164: str) -> str:
    """Show no more of a number than its country code and last four digits (`+1***0123`)."""
    digits = e164.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        return "***"
    code = _country_code(digits)
    shown = 4 if len(digits) - len(code) >= 7 else 2
    return f"+{code}***{digits[-shown:]}"


def _country_code(digits: str) -> str:
    """Name the country code that a number in international form begins with; empty where none is known."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in known), "")


def _digits(typed: str) -> str:
    """Reduce what was typed to ASCII digits with at most one leading `+`."""
    if len(typed) > LONGEST_TYPED_CHARS:
        raise UserError("That is too long for a phone number; type only the number.")
    found: list[str] = []
    for char in typed:
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            found.append(str(digit))
        elif char in _PLUSES and not found:
            found.append("+")
        elif not (char.isspace() or char in _PUNCTUATION):
            raise UserError(
                "That is not a phone number; type it with digits only, without letters or an extension."
            )
    if not any(char != "+" for char in found):
        raise UserError("That is not a phone number; type its digits.")
    return "".join(found)


def _parse(digits: str, country: str) -> PhoneNumber:
    try:
        return phonenumbers.parse(digits, country)
    except NumberParseException as error:
        if error.error_type == NumberParseException.TOO_LONG:
            raise UserError(_wrong_length("long", country)) from None
        if error.error_type in (NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD):
            raise UserError(_wrong_length("short", country)) from None
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise UserError(
                "No country has that code; type the number as you would give it to a friend."
            ) from None
        raise UserError("That is not a phone number; type its digits.") from None


def _check_length(parsed: PhoneNumber, country: str) -> None:
    if parsed.italian_leading_zero and parsed.country_code == NANP_CODE:
        raise UserError(f"That is not a number that exists in {_place(parsed, country)}; check its digits.")
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason == ValidationResult.TOO_LONG:
        raise UserError(_wrong_length("long", country))
    if reason in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        raise UserError(_wrong_length("short", country))
    if reason == ValidationResult.INVALID_LENGTH:
        raise UserError("That number has the wrong length; check its digits and include the area code.")


def _wrong_length(which: str, country: str) -> str:
    place = country_name(country)
    return f"That is too {which} for a phone number in {place}; type all of its digits, with the area code."


def _region(parsed: PhoneNumber) -> str | None:
    """Name the country of a number that exists, or None."""
    region = phonenumbers.region_code_for_number(parsed)
    if region is None and _fictitious(parsed):
        # Only the exchange 555 may be unknown to the metadata: ask for the same area with a plain one.
        area = phonenumbers.national_significant_number(parsed)[:3]
        plain = PhoneNumber(country_code=NANP_CODE, national_number=int(f"{area}2340100"))
        region = phonenumbers.region_code_for_number(plain)
    return region


def _fictitious(parsed: PhoneNumber) -> bool:
    """Tell whether it is one of the North American numbers reserved for stories and tests (555-01XX)."""
    national = phonenumbers.national_significant_number(parsed)
    return parsed.country_code == NANP_CODE and len(national) == 10 and national[3:8] == "55501"


def _serves(country: str, region: str, parsed: PhoneNumber) -> bool:
    return region in _SERVED_TOO.get(country, ()) or _is_of(parsed, country)


def _is_of(parsed: PhoneNumber, country: str) -> bool:
    """Tell whether the number is the country's own; neighbours that share a code may share ranges too."""
    return _region(parsed) == country or phonenumbers.is_valid_number_for_region(parsed, country)


def _check_kind(parsed: PhoneNumber) -> None:
    kind = phonenumbers.number_type(parsed)
    if kind not in _TAKES_TEXTS:
        what = _NO_TEXTS.get(kind, "a number that takes no texts")
        raise UserError(f"That is {what}, which takes no texts; type a mobile number.")


def _place(parsed: PhoneNumber, country: str) -> str:
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    same_code = phonenumbers.country_code_for_region(country) == parsed.country_code
    return country_name(country if same_code or region in ("ZZ", "001") else region)

"""Build and check the one kind of address that texts may go to: digits at a listed domain."""

import re
from collections.abc import Collection
from typing import Final

from bot.domain.catalogue import Form, Gateway
from bot.domain.names import domain_problem
from bot.domain.phone import Number, country_code_digits, is_nanp, national_digits, trunk_digits

_LOCAL_PART: Final = re.compile(r"\+?[0-9]{7,15}", re.ASCII)


class ForbiddenRecipient(Exception):
    """Say that an address is not digits at a listed domain; the text never holds the address."""


def recipient(number: Number, gateway: Gateway, form: Form | None = None) -> str:
    """Write the number's address at the gateway; `form` (one that a code proved) outranks the gateway's.

    Raise ValueError, without the number, where no form is known or the result is not a plain address.
    """
    chosen = form or gateway.form or (Form.NATIONAL if is_nanp(number.country) else None)
    if chosen is None:
        raise ValueError("no address form is known for this gateway")
    local = _local_part(number, chosen, gateway.prefix)
    if _LOCAL_PART.fullmatch(local) is None:
        raise ValueError("the number does not fit this gateway's address form")
    if domain_problem(gateway.domain) is not None:
        raise ValueError("the gateway's domain is not a plain domain")
    return local + "@" + gateway.domain


def check_recipient(address: str, domains: Collection[str]) -> None:
    """Raise ForbiddenRecipient unless it is 7 to 15 digits, perhaps after a `+`, at one of `domains`."""
    local, _, domain = address.rpartition("@")
    if _LOCAL_PART.fullmatch(local) is None:
        raise ForbiddenRecipient("the part before the @ is not a phone number")
    if domain_problem(domain) is not None or domain not in domains:
        raise ForbiddenRecipient("the domain is not on the operator's list")


def _local_part(number: Number, form: Form, prefix: str) -> str:
    match form:
        case Form.NATIONAL:
            return national_digits(number)
        case Form.TRUNK:
            return trunk_digits(number)
        case Form.COUNTRY:
            return country_code_digits(number)
        case Form.PLUS:
            return "+" + country_code_digits(number)
        case Form.PREFIX:
            return prefix + national_digits(number)

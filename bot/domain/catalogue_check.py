"""Find every mistake in a catalogue before it ships or is imported."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Final

from bot.domain.allowance import LONGEST_LENGTH, SHORTEST_LENGTH, Subject
from bot.domain.catalogue import Carrier, Form, Grade, Kind, Status
from bot.domain.catalogue_file import Catalogue
from bot.domain.countries import COUNTRIES
from bot.domain.names import domain_problem, name_problem

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_PREFIX: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_LONGEST_SLUG_CHARS: Final = 60
_LONGEST_SENTENCE_CHARS: Final = 300
_LONGEST_LINE_CHARS: Final = 120
_OLDEST: Final = date(1995, 1, 1)
_FARTHEST_RETIREMENT: Final = timedelta(days=3650)


def problems(catalogue: Catalogue, today: date | None = None) -> list[str]:
    """Name every mistake as `slug: what is wrong`; with `today`, dates in the future too."""
    slugs = Counter(carrier.slug for carrier in catalogue.carriers)
    found = [f"{slug}: this slug is used {count} times" for slug, count in slugs.items() if count > 1]
    for carrier in catalogue.carriers:
        wrong = [
            *_naming(carrier, catalogue),
            *_address(carrier),
            *_limits(carrier),
            *_dates(carrier, today),
            *_evidence(carrier),
        ]
        found += [f"{carrier.slug}: {what}" for what in wrong]
    return found


def _naming(carrier: Carrier, catalogue: Catalogue) -> list[str]:
    wrong: list[str] = []
    if _SLUG.fullmatch(carrier.slug) is None or len(carrier.slug) > _LONGEST_SLUG_CHARS:
        wrong.append("a slug is lower-case letters and digits with hyphens between")
    for name in (carrier.name, *carrier.brands):
        problem = name_problem(name)
        if problem:
            wrong.append(problem)
    if carrier.host_network is not None and not _is_line(carrier.host_network):
        wrong.append("the host network is named on one short line")
    if len(set(carrier.brands)) < len(carrier.brands) or carrier.name in carrier.brands:
        wrong.append("a brand is named once, and not like the carrier itself")
    if carrier.country is not None and carrier.country not in COUNTRIES:
        wrong.append("the country is not an ISO 3166 code of two capital letters")
    if carrier.country is None and carrier.kind is Kind.BRAND:
        wrong.append("a brand has a country")
    if carrier.successor is not None and carrier.successor not in catalogue.by_slug:
        wrong.append("its successor is not in the catalogue")
    if carrier.successor == carrier.slug:
        wrong.append("it cannot be its own successor")
    return wrong


def _is_line(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_LINE_CHARS and text.isprintable() and text == text.strip()


def _address(carrier: Carrier) -> list[str]:
    wrong: list[str] = []
    gateway = carrier.gateway
    domains = [gateway.domain] if gateway else []
    domains += [carrier.mms_domain] if carrier.mms_domain else []
    wrong += [problem for problem in map(domain_problem, domains) if problem]
    if gateway is None and carrier.supported:
        wrong.append("without a gateway it cannot be supported")
    if gateway and (gateway.form is Form.PREFIX) != bool(gateway.prefix):
        wrong.append("a prefix and the form prefix belong together")
    if gateway and gateway.prefix and _PREFIX.fullmatch(gateway.prefix) is None:
        wrong.append("a prefix is one to six digits")
    if carrier.supported == bool(carrier.why_not):
        wrong.append("why_not is for entries that are not supported, and only for them")
    return wrong


def _limits(carrier: Carrier) -> list[str]:
    wrong: list[str] = []
    allowance = carrier.allowance
    if allowance.length is not None and not SHORTEST_LENGTH <= allowance.length <= LONGEST_LENGTH:
        wrong.append(f"a length is {SHORTEST_LENGTH} to {LONGEST_LENGTH} characters a mail")
    if allowance.subject is Subject.REQUIRED and carrier.supported:
        wrong.append("a gateway that requires a Subject cannot be supported, since ours is empty")
    if allowance.attachments and not carrier.mms_domain and carrier.kind is not Kind.SERVICE:
        wrong.append("attachments go to an mms_domain, or to a service")
    return wrong


def _dates(carrier: Carrier, today: date | None) -> list[str]:
    wrong: list[str] = []
    known = carrier.status_date
    if carrier.status is not Status.UNKNOWN and known is None and carrier.status_date_parts:
        wrong.append('a status other than unknown needs its date, or the date "unknown"')
    if not carrier.status_date_parts and (known or carrier.status is Status.UNKNOWN):
        wrong.append('the date "unknown" goes with a status that is known')
    if known and (known < _OLDEST or (today is not None and known > today)):
        wrong.append("the status date is in the future or before 1995")
    if carrier.retires_on and known and carrier.retires_on < known and carrier.status is not Status.RETIRED:
        wrong.append("it retired before its status was looked at: mark it retired")
    if carrier.retires_on and today and carrier.retires_on > today + _FARTHEST_RETIREMENT:
        wrong.append("it retires more than ten years from now")
    return wrong


def _evidence(carrier: Carrier) -> list[str]:
    wrong: list[str] = []
    if not carrier.evidence:
        wrong.append("an entry needs evidence")
    if not all(map(_is_line, carrier.evidence)) or (carrier.needs and not _is_line(carrier.needs)):
        wrong.append("evidence and needs are short lines")
    if carrier.status in (Status.FAILING, Status.RETIRED) and not carrier.note:
        wrong.append("a failing or retired entry needs a note that says what happened")
    if carrier.grade is Grade.UNKNOWN and carrier.status is Status.ACTIVE:
        wrong.append("an active entry needs a grade of evidence")
    sentences = [text for text in (carrier.note, carrier.why_not) if text]
    for text in sentences:
        if not text.endswith(".") or len(text) > _LONGEST_SENTENCE_CHARS:
            wrong.append("a note or reason is a short sentence with its full stop")
    if any("://" in text for text in (*sentences, *carrier.evidence, carrier.needs)):
        wrong.append("evidence names its source in words, not by a link")
    if carrier.needs and carrier.kind is not Kind.SERVICE:
        wrong.append("only a service has needs")
    return wrong

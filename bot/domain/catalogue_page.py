"""Write the catalogue as a page to read, and count what is in it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.catalogue import Carrier, Kind, Status
from bot.domain.countries import country_title

ANYWHERE: Final = "Any country"
_COMPANIES: Final = (Kind.CARRIER, Kind.BRAND)
_INTRO: Final = """\
# Carriers, services and what is known of them

Made from [bot/carriers.toml](../bot/carriers.toml) by `python3 -m bot carriers page`; a test fails where it
is not current. What a deployment's editors changed, and what it measured, shows in `/carrier list` and
`/carrier show`.

- **active** is offered. **unknown** is offered with a warning: nobody has lately confirmed it, and the code
  that the phone gets, or does not get, is the proof. **failing** and **retired** are refused with that
  reason until a carrier editor enables the entry.
- A **service** takes texts by mail for phones of any carrier, and is switched on by `/carrier enable`. One
  that wants secrets in address, Subject or text is not supported. **Mailboxes** and **pagers** are listed
  so that they are known; they take no texts.
- **Evidence** is graded: *confirmed* is the company's own word, *claimed* somebody else's, *listed* what
  public lists repeat.
"""


def counts(carriers: Iterable[Carrier]) -> str:
    """Count entries by country, kind and status, as lines of a Markdown table."""
    by_place: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for carrier in carriers:
        words = ("all", carrier.kind, carrier.status)
        by_place.setdefault(_place(carrier), Counter()).update(words)
        total.update(words)
    columns = ("all", *Kind, *Status)
    rows = [(place, *(str(count[one] or "") for one in columns)) for place, count in sorted(by_place.items())]
    last = ("**All**", *(str(total[one]) for one in columns))
    return "\n".join(_table(("Country", *columns), [*rows, last]))


def page(carriers: Sequence[Carrier]) -> str:
    """Write the whole page: the counts, then the entries country by country, the services last."""
    companies = [carrier for carrier in carriers if carrier.kind in _COMPANIES]
    services = [carrier for carrier in carriers if carrier.kind is Kind.SERVICE]
    others = [carrier for carrier in carriers if carrier.kind in (Kind.MAILBOX, Kind.PAGING)]
    parts = [_INTRO, "## How many\n", counts(carriers), "\n## Carriers and brands\n"]
    for place in sorted({_place(carrier) for carrier in companies}):
        here = [carrier for carrier in companies if _place(carrier) == place]
        parts += [f"### {place}\n", *_table(_COLUMNS, map(_row, _sorted(here))), ""]
    columns = ("Service", "Country", "Address", "Status", "Needs, or why it is not supported", "Evidence")
    parts += ["## Services\n", *_table(columns, map(_service_row, _sorted(services)))]
    parts += ["\n## Mailboxes and pagers: they take no texts\n"]
    parts += _table(("Country", *_COLUMNS), ((_place(one), *_row(one)) for one in _sorted(others)))
    return "\n".join(parts) + "\n"


_COLUMNS: Final = ("Name", "Kind", "Gateway", "Status", "What is known", "Evidence")


def _place(carrier: Carrier) -> str:
    return country_title(carrier.country) if carrier.country else ANYWHERE


def _sorted(carriers: Iterable[Carrier]) -> list[Carrier]:
    return sorted(carriers, key=lambda carrier: (_place(carrier), carrier.name.casefold(), carrier.slug))


def _row(carrier: Carrier) -> tuple[str, ...]:
    names = ", ".join((carrier.name, *carrier.brands))
    return names, carrier.kind, _gateways(carrier), _status(carrier), _known(carrier), _evidence(carrier)


def _service_row(carrier: Carrier) -> tuple[str, ...]:
    needs = f"Needs {carrier.needs}." if carrier.supported and carrier.needs else ""
    why = needs if carrier.supported else f"Not supported: {carrier.why_not}"
    told = " ".join(part for part in (why, _known(carrier)) if part)
    where = _place(carrier)
    return carrier.name, where, _gateways(carrier), _status(carrier), told, _evidence(carrier)


def _gateways(carrier: Carrier) -> str:
    gateway = carrier.gateway
    if gateway is None:
        return ""
    form = f" ({gateway.form}{' ' + gateway.prefix if gateway.prefix else ''})" if gateway.form else ""
    pictures = f", pictures {carrier.mms_domain}" if carrier.mms_domain else ""
    return f"{gateway.domain}{form}{pictures}"


def _status(carrier: Carrier) -> str:
    ends = f", closes on {carrier.retires_on.isoformat()}" if carrier.retires_on else ""
    if carrier.status is Status.UNKNOWN and not carrier.status_when:
        return f"unknown{ends}"
    return f"{carrier.status}, {carrier.status_when or 'date unknown'}{ends}"


def _known(carrier: Carrier) -> str:
    on = carrier.host_network
    network = f"On the network of {on}." if on and on not in carrier.note else ""
    limits = f"Limits: {carrier.allowance}." if str(carrier.allowance) else ""
    return " ".join(part for part in (network, limits, carrier.note) if part)


def _evidence(carrier: Carrier) -> str:
    return f"{carrier.grade}: {'; '.join(carrier.evidence)}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

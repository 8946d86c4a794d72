"""Say how the medians stand beside the goals; nothing is asserted."""

from benchmarks import rows_discord, rows_mail, rows_store
from benchmarks.figures import Table, aligned, number
from benchmarks.rows_mail import AIOSMTPLIB, DRAIN, FAR, NODEMAILER, SOURCE, THROUGH

RATIOS = (
    (DRAIN, SOURCE, "0.6 or more (not done below 0.35)"),
    (DRAIN, NODEMAILER, "5 or more (not done below 3)"),
    (rows_mail.DRAIN_SKEWED, SOURCE, ""),
    (THROUGH, SOURCE, "0.35 or more (not done below 0.2)"),
    (FAR + DRAIN, FAR + AIOSMTPLIB, "3 or more"),
    (FAR + DRAIN, FAR + NODEMAILER, "1.5 or more"),
)
DIFFERENCES = (
    (rows_discord.BUSY, rows_discord.IDLE, "50 or less"),
    (rows_store.BUSY, rows_store.IDLE, "50 or less"),
)
MOST_GROWTH = "1.15 or less"


def lines(table: Table, registrations: tuple[int, ...]) -> list[str]:
    """Compare what was measured, as a Markdown table; empty where nothing compares."""
    cells = [_ratio(table, mine, other, goal) for mine, other, goal in RATIOS]
    cells += [_difference(table, busy, idle, goal) for busy, idle, goal in DIFFERENCES]
    cells += [_longest(table)]
    few = rows_store.LOOKUP.format(registrations[0])
    for more in registrations[1:]:
        many = rows_store.LOOKUP.format(more)
        cells += [_ratio(table, few, many, MOST_GROWTH, "time a text"), _cpu(table, few, many)]
    found = [cell for cell in cells if cell]
    return aligned([("", "measured", "goal"), *found]) if found else []


def _ratio(table: Table, mine: str, other: str, goal: str, what: str = "") -> tuple[str, str, str] | None:
    one, two = table.median(mine), table.median(other)
    if one is None or two is None:
        return None
    if what:
        return f"{what}: {other} / {mine.rpartition(', ')[2]}", number(one / two), goal
    return f"{mine} / {other}", number(one / two), goal


def _cpu(table: Table, few: str, many: str) -> tuple[str, str, str] | None:
    used = [table.rows[name].median_cpu_us if name in table.rows else None for name in (many, few)]
    if used[0] is None or not used[1]:
        return None
    return f"CPU a text: {many} / {few.rpartition(', ')[2]}", number(used[0] / used[1]), MOST_GROWTH


def _difference(table: Table, busy: str, idle: str, goal: str) -> tuple[str, str, str] | None:
    one, two = table.median(busy + rows_store.P99), table.median(idle + rows_store.P99)
    return None if one is None or two is None else (f"p99 of {busy}, less idle, ms", number(one - two), goal)


def _longest(table: Table) -> tuple[str, str, str] | None:
    row = table.rows.get(rows_discord.BUSY + rows_store.LONGEST)
    return (f"{row.name}, ms", number(max(row.values)), "1,000 or less") if row and row.values else None

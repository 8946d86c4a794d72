"""Word what an import would change, and what it changed."""

from collections.abc import Sequence

from bot.domain.carrier_wanted import Wanted
from bot.services.carrier_change import Actor
from bot.services.carrier_plan import Plan, Wrong
from bot.services.carrier_words import unproved

LINES_SHOWN = 5
PROBLEMS_SHOWN = 20


def counted(plan: Plan) -> str:
    """Count what the file changes."""
    added, changed, removed = _sorted(plan)
    return (
        f"The file adds {_carriers(len(added))}, changes {len(changed):,} and removes {len(removed):,}; "
        f"{plan.same:,} in it are as they are, and {plan.left:,} that are not in it stay."
    )


def shown(plan: Plan, lines: int = LINES_SHOWN) -> str:
    """Show what the file changes: the counts, what to look at twice, and the first few of each."""
    added, changed, removed = _sorted(plan)
    said = [counted(plan)]
    domains = f"New domains ({len(plan.new_domains):,}), to which texts may then go to any number"
    # A long answer is cut at its end: what an editor must see comes first.
    said += _some(domains, list(plan.new_domains), lines)
    said += _some("On although known to fail", list(plan.reopened), lines)
    if plan.unproving:
        said.append(
            "Whoever uses a carrier that goes, or whose domain or form changes, must prove their phone again."
        )
    said += _some("Added", [f"{want.slug} ({_there(want)})" for want in added], lines)
    said += _some("Changed", [f"{want.slug} ({_moves(want)})" for want in changed], lines)
    said += _some("Removed", [want.slug for want in removed], lines)
    return "\n".join(said)


def problems(wrong: Wrong, most: int = PROBLEMS_SHOWN) -> str:
    """Name what is wrong with a file, by line."""
    lines = list(wrong.problems[:most])
    if len(wrong.problems) > most:
        lines.append(f"…and {len(wrong.problems) - most:,} more.")
    return "\n".join(("Nothing was imported. Mend these lines and import the file again:", *lines))


def done(plan: Plan, actor: Actor, hit: int) -> str:
    """Say what was imported."""
    told = unproved(actor, hit) if plan.unproving else ""
    return f"Imported {_carriers(len(plan.wants))}.{told} /carrier list shows them."


def _sorted(plan: Plan) -> tuple[list[Wanted], list[Wanted], list[Wanted]]:
    added = [want for want in plan.wants if want.is_new]
    removed = [want for want in plan.wants if want.removes and not want.is_new]
    changed = [want for want in plan.wants if not want.removes and not want.is_new]
    return added, changed, removed


def _some(title: str, lines: Sequence[str], most: int) -> list[str]:
    if not lines:
        return []
    more = f", and {len(lines) - most:,} more" if len(lines) > most else ""
    return [f"{title}: {', '.join(lines[:most])}{more}."]


def _there(want: Wanted) -> str:
    return f"{want.after.get('name', '')} at {want.after.get('domain', '')}"


def _moves(want: Wanted) -> str:
    return ", ".join(
        f"{name} {want.before.get(name) or 'nothing'} → {cell}" for name, cell in want.after.items()
    )


def _carriers(count: int) -> str:
    return "1 carrier" if count == 1 else f"{count:,} carriers"

"""Word what is known against a carrier, and whom a change of it touches."""

from bot.domain.catalogue import Carrier, Kind, Status
from bot.domain.ending import way_out
from bot.services.carrier_change import Actor


def evidence(carrier: Carrier) -> str:
    """Show what is known against a carrier, dated."""
    when = carrier.status_when
    if carrier.status is Status.UNKNOWN:
        standing = f"Nobody has confirmed that {carrier.name} works."
    elif carrier.status is Status.ACTIVE:
        standing = f"{carrier.name} is active{f', as of {when}' if when else ''}."
    else:
        standing = f"{carrier.name} has been {carrier.status}{f' since {when}' if when else ''}."
    known = "; ".join(carrier.evidence) or "none on file"
    needs = f"\nIt needs {carrier.needs}." if carrier.needs else ""
    return f"{standing} {carrier.note}".rstrip() + f"\nEvidence: {known}.{needs}"


def enabling(carrier: Carrier) -> str:
    """Ask an editor whether a closed carrier is to be enabled."""
    if carrier.status is Status.ACTIVE and not carrier.retires_on:
        return f"{evidence(carrier)}\nEnable {carrier.name}? A code will show whether it works."
    return f"{evidence(carrier)}\nEnable {carrier.name} all the same? A code will show whether it works."


def ready_service(carrier: Carrier) -> bool:
    """Tell whether a service is switched on without a question: nothing speaks against it."""
    return carrier.kind is Kind.SERVICE and carrier.status in (Status.ACTIVE, Status.UNKNOWN)


def switched_on(carrier: Carrier, whose: str, again: str) -> str:
    """Say what people do with a carrier that was switched on, and what a service needs first."""
    if carrier.kind is not Kind.SERVICE:
        return f"{carrier.name} is on {whose}.{again} People can use it with /phone register."
    sender = " (that is SMTP_FROM)" if "the sending address" in carrier.needs else ""
    needs = f" It needs {carrier.needs}{sender}." if carrier.needs else ""
    return f"{carrier.name} is on {whose}: /phone register works without naming a carrier.{again}{needs}"


def removing(carrier: Carrier, actor: Actor, count: int, *, shared: bool) -> str:
    """Ask whether a carrier is to be removed, and say how it would come back."""
    back = "/carrier enable brings it back" if shared else "It would have to be added anew"
    if actor.is_editor and not count:
        return f"Nobody is registered with {carrier.name}. {back}. Remove it?"
    # An entry made for one person would tell its admin whether that person registered.
    who = f"{_people(count)} on" if actor.is_editor else "Whoever uses"
    return f"{who} {carrier.name} can't be texted after that. {back}. Remove it?"


def stranded(carrier: Carrier, actor: Actor, count: int) -> str:
    """Say who cannot be texted while a carrier is off."""
    if actor.is_editor and not count:
        return ""
    who = f"{_people(count)} on it" if actor.is_editor else "Whoever uses it"
    return f" {who} can't be texted until it is on again."


def unproved(actor: Actor, count: int) -> str:
    """Say who must prove their phone again."""
    if not actor.is_editor:
        return " Whoever used it must prove their phone again, and will be told."
    return f" {_people(count)} must prove their phone again, and will be told." if count else ""


def removed_words(carrier: Carrier, instead: str) -> str:
    """Tell somebody that their carrier is not used here any more, and what to do."""
    gone = f"The bot no longer sends texts through {carrier.name}, so nobody can text your phone."
    return f"{gone} {way_out('' if instead == carrier.name else instead, 'Use')}"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"

"""Word what became of a text: one or two plain sentences that never claim more than is known."""

from collections.abc import Sequence

from bot.domain.outcome import Outcome
from bot.domain.returned import returned_words
from bot.domain.states import State

MOST_NAMED = 10  # people in a list of them
REFUSAL = (
    "That person isn't taking texts from you in this server. "
    "They can turn texts on with /phone register, or here with /phone allow."
)
NO_ANSWERS_HERE = (
    "This server has answers sent by DM. Send it again without `answers`, or ask an admin to allow them here "
    "(/bridge settings)."
)
NO_ANSWERS_READ = "This bot reads no answers from phones. Send it again without `answers`."
NO_LINKS = "Their carrier turns texts with links away as spam. Take the link out, then send it again."
NO_LINK_IN_NAME = (
    "Their carrier turns texts with links away as spam, and this server's name holds one. Ask an admin to "
    "take it out of the name."
)
RELAY_AWAY, LATER, LIMITED, UNSURE = "relay_away", "later", "limited", "unsure"
UNBUILT, GATEWAY_CLOSED, STOPPED_HERE = "unbuilt", "gateway_closed", "stopped_here"
_STOPPED = "An admin of that server stopped texting, or yours, before your text to {who} went. Ask them why."

_WAITING = {
    RELAY_AWAY: (
        "Still waiting: the bot's mail server can't be used right now. Your text to "
        "{who} goes out as soon as it can."
    ),
    LATER: (
        "Still waiting: {who}'s carrier asked to try again later. The bot keeps trying; "
        "there's nothing to do."
    ),
    GATEWAY_CLOSED: (
        "Still waiting: {who}'s carrier refuses every text from this bot right now. Yours goes out when it "
        "takes texts again."
    ),
    LIMITED: (
        "Still waiting: the bot's mail account has reached its limit for now. Your text "
        "to {who} goes out after that."
    ),
}
_FAILED = {
    Outcome.REFUSED_PERSON: "{who}'s carrier says it can't reach that phone. Ask them to check /phone show.",
    Outcome.REFUSED_CONTENT: "{who}'s carrier refused what the text says. Try again without links or emoji.",
    Outcome.REFUSED_SENDER: (
        "{who}'s carrier doesn't take texts from this bot at the moment. The bot's owner "
        "has to sort that out."
    ),
    Outcome.GATEWAY_GONE: (
        "{who}'s carrier no longer takes texts by mail. They can use /phone register with another carrier."
    ),
    UNSURE: (
        "The connection broke after your text to {who} was handed over. It may have "
        "arrived; ask before you send it again."
    ),
    UNBUILT: (
        "The bot could not make a mail of it. Send it again; if that does not help, ask {who} "
        "to use /phone register again."
    ),
}


def mention(person_id: int) -> str:
    """Name a person as Discord shows them; one who had everything of theirs erased has no name."""
    return f"<@{person_id}>" if person_id > 0 else "that person"


def some_of(people: Sequence[int], count: int) -> str:
    """Name some people of so many."""
    more = f" and {count - len(people)} more" if count > len(people) else ""
    return ", ".join(mention(person) for person in people) + more


def on_its_way(who: str, parts: int) -> str:
    """Say that a text is kept and will be sent."""
    in_parts = f" in {parts} parts" if parts > 1 else ""
    return f"On its way to {who}{in_parts}. This answer changes when the carrier has it."


def standing(who: str, state: str, reason: str, parts: int, sent: int) -> str:
    """Say where a text stands now; `who` is a Discord mention."""
    match state:
        case State.ACCEPTED:
            took = "the text" if parts == 1 else f"all {parts} parts"
            return (
                f"Handed to {who}'s carrier, which took {took}. Whether the phone showed it can't "
                f"be confirmed."
            )
        case State.FAILED:
            return _failed(who, reason, parts, sent)
        case State.EXPIRED:
            if sent:
                return f"{_only(who, parts, sent)} The rest waited too long and was dropped."
            return (
                f"Not sent: your text to {who} waited too long and was dropped. Send it again if "
                f"it still matters."
            )
        case State.HELD:
            return held_until(who, int(reason or 0))
        case State.CANCELLED:
            return _cancelled(who, reason, parts, sent)
        case State.REPLIED:
            return f"{who} answered your text."
        case State.BOUNCED:
            return returned_words(who, reason)
    if reason in _WAITING:
        return _WAITING[reason].format(who=who)
    return on_its_way(who, parts)


def held_until(who: str, until: int) -> str:
    """Say that a text waits for the end of quiet hours, given in seconds since 1970."""
    return f"Kept for {who}, who takes no texts right now. It goes out <t:{until}:t> (<t:{until}:R>)."


def _cancelled(who: str, reason: str, parts: int, sent: int) -> str:
    why = _STOPPED.format(who=who) if reason == STOPPED_HERE else REFUSAL
    return f"{_only(who, parts, sent)} {why}" if sent else why


def _failed(who: str, reason: str, parts: int, sent: int) -> str:
    if reason not in _FAILED:
        begin = f"{_only(who, parts, sent)} The" if sent else "Not sent, and the"
        return f"{begin} carrier didn't say why. You can try again later."
    why = _FAILED[reason].format(who=who)
    if sent:
        return f"{_only(who, parts, sent)} {why}"
    return why if reason == UNSURE else f"Not sent. {why}"


def _only(who: str, parts: int, sent: int) -> str:
    return f"Only {sent} of {parts} parts went to {who}."


def short(state: str, reason: str, parts: int, sent: int) -> str:
    """Say in a word or two where a text stands, for lists."""
    if sent and state in (State.FAILED, State.EXPIRED, State.CANCELLED):
        return f"{sent} of {parts} parts sent"
    if state == State.FAILED and reason == UNSURE:
        return "perhaps sent"
    return {
        State.HELD: "held",
        State.QUEUED: "waiting",
        State.SENDING: "being sent",
        State.ACCEPTED: "taken by the carrier",
        State.REPLIED: "answered",
        State.BOUNCED: "sent back",
        State.FAILED: "not sent",
        State.EXPIRED: "too late, not sent",
        State.CANCELLED: "not sent",
    }[State(state)]


CODE_SENT = (
    "If that phone can take texts, a code is on its way. Press **Enter code** within 10 minutes; "
    "/phone verify does the same."
)
CODE_FAILED = (
    "Your code could not be sent: the carrier refused it. Check number and carrier, "
    "then use /phone register again."
)
CODE_UNBUILT = "Your code could not be sent. Check number and carrier, then use /phone register again."
CODE_UNSURE = "Your code may not have arrived. If it does not come, use /phone register again."
CODE_LATE = (
    "Your code could not be sent in time. It is no longer valid. Use /phone register to get a new one."
)
EVICTED = (
    "Someone else has proved that the phone you had registered is theirs, so it takes no more texts for you. "
    "If that is wrong, use /phone register again with your number."
)
CARRIER_CHANGED = (
    "Your carrier's entry was changed, so your phone must be proved again before it "
    "takes texts. Use /phone register."
)
CARRIER_GONE = (
    "Your carrier's entry belonged to a server that this bot has left, so your phone takes no texts. "
    "Use /phone register with another carrier."
)
QUIET_TOLD = (
    "Your phone has shown no sign of life here for a year, and numbers get new owners, so nobody can text it "
    "now. Use /phone show, which has a button that proves it is still yours."
)
NO_SUCH_CARRIER = (
    "There is no such carrier here, or more than one of that name. Pick one from the list that appears while "
    "you type."
)

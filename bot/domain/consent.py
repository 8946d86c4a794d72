"""Say what a person agrees to when they register a phone; a changed wording gets a new version."""

WORDING_VERSION = "2026-11-1"
# Every wording that anybody ever agreed to: the ledger keeps the version, and proof needs the words.
_WORDINGS = {
    "2026-11-1": "This is my phone. {who} may text it through {through}; I can stop it with /phone.",
}
# Kinds of lines of the ledger: only who registers is shown the words and agrees to them.
REGISTER, PROVE_AGAIN = "register", "prove again"
# Who may text a person in a guild.
EVERYONE, LISTED, NOBODY = "everyone", "listed", "nobody"


def consent_words(in_guild: bool, service: str = "", version: str = WORDING_VERSION) -> str:
    """Word the agreement; `service` names the one that carries the texts where that is no phone company."""
    who = "People in this server" if in_guild else "People I allow"
    through = f"this bot, {service} and my carrier" if service else "this bot and my carrier"
    return _WORDINGS[version].format(who=who, through=through)


def known(version: str) -> bool:
    """Tell whether the words of a version are known here."""
    return version in _WORDINGS


def wording(service_slug: str = "") -> str:
    """Name the wording for the ledger, with the service that was agreed to."""
    return f"{WORDING_VERSION} {service_slug}".rstrip()

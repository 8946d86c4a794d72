"""Say what a person agrees to when they register a phone; a changed wording gets a new version."""

WORDING_VERSION = "2026-11-1"
CONSENT_IN_GUILD = (
    "This is my phone. People in this server may text it through this bot and my carrier; "
    "I can stop it with /phone."
)
CONSENT_IN_DM = (
    "This is my phone. People I allow may text it through this bot and my carrier; I can stop it with /phone."
)
# Who may text a person in a guild.
EVERYONE, NOBODY = "everyone", "nobody"

"""Do what the bot does: one transaction each, no Discord and no mail."""

"""Tests of what the bot does, against real stores."""

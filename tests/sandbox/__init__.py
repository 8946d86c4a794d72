"""Test the sandbox with a small real discord.py client."""

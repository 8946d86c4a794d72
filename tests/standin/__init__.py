"""Extend the sandbox with what only tests need: checks, faults, shards, resumption."""

"""Carry mail out: rendered to bytes and driven through SMTP one step at a time."""

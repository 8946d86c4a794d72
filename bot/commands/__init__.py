"""What people type in Discord: a body translates, calls one service and words the answer."""

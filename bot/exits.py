"""Exit codes: what supervisors rely on."""

OK = 0
USAGE = 64
UNAVAILABLE = 69  # a needed service is away
BUG = 70
WRONG_SETTINGS = 78  # supervisors must not restart on it
STOPPED = 130  # by Ctrl-C

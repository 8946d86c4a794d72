"""Let property tests take the time they need: a shared machine is no measure of one example."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

"""Those who are told, on this machine: they check what they get as the real ones do, and fail on demand."""

from rehearsal.receivers.healthchecks import Healthchecks
from rehearsal.receivers.slack import Slack

__all__ = ["Healthchecks", "Slack"]

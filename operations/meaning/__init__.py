"""What a run would mean for who is served, for the data and for the bill: read from the engine's plan."""

from operations.meaning.meaning import Meaning
from operations.meaning.shown import markdown, text

__all__ = ["Meaning", "markdown", "text"]

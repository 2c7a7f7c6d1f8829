"""The settings of a stack: one frozen tree, read and checked whole before the first resource."""

from components.settings.loading import load
from components.settings.tree import Settings

__all__ = ["Settings", "load"]

"""The settings of a stack: one frozen tree, read and checked whole before the first resource."""

from components.settings.cost import Cost, cost_per_month
from components.settings.env_file import variables
from components.settings.loading import load
from components.settings.memory import MemoryBudget, memory_budget
from components.settings.problem import Problem, SettingsError
from components.settings.secrets import secret
from components.settings.tree import Settings

__all__ = [
    "Cost",
    "MemoryBudget",
    "Problem",
    "Settings",
    "SettingsError",
    "cost_per_month",
    "load",
    "memory_budget",
    "secret",
    "variables",
]

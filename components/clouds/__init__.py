"""The two providers' APIs, as the program itself asks them beside the plugins."""

from components.clouds.accounts import Accounts, accounts
from components.clouds.api import Answer, Api, Unreachable

__all__ = ["Accounts", "Answer", "Api", "Unreachable", "accounts"]

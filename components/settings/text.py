"""Text of a given form."""

import re

from pydantic import AfterValidator

from components.settings.problem import wrong


def matching(pattern: str, what: str, remedy: str) -> AfterValidator:
    """A validator that refuses text which `pattern` does not match whole."""
    form = re.compile(pattern)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise wrong(what, remedy)
        return value

    return AfterValidator(check)

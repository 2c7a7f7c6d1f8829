"""Numbers with a range that says its unit."""

from pydantic import AfterValidator

from components.settings.problem import wrong


def between(least: float, most: float, unit: str = "") -> AfterValidator:
    """A validator that refuses numbers outside `least` to `most`, both included."""
    span = f"{least:.10g} to {most:.10g} {unit}".rstrip()

    def check(value: float) -> float:
        if not least <= value <= most:
            raise wrong(f"is outside {span}", f"choose a number from {span}")
        return value

    return AfterValidator(check)

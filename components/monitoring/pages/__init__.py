"""The pages that show how a stack is: written once, for Grafana and for the store's own interface."""

from components.monitoring.pages import backups, database, host, overview, release, requests, workflows
from components.monitoring.pages.page import Page, There
from components.settings.tree import Settings

SUBJECTS = (overview, requests, database, workflows, host, backups, release)


def pages(there: There) -> tuple[Page, ...]:
    """Those of a stack that has what is `there`; the first says whether it is well."""
    return tuple(page for subject in SUBJECTS if (page := subject.page(there)) is not None)


def of_stack(settings: Settings) -> tuple[Page, ...]:
    """Those of a stack with these settings."""
    machine = settings.host.kind != "local"
    return pages(
        There(
            machine=machine,
            tls=settings.tls.mode != "none",
            copies=machine and settings.backup.offsite is not None,
            archive=machine and settings.backup.point_in_time is not None,
            logs=settings.logged,
        )
    )

"""What becomes of the data: whether a migration runs, and from where one could go back."""

from __future__ import annotations

from operations.meaning.plan import CONTAINER, IMAGE, Change, Plan

MIGRATION, BEFORE = "migration", "migration-backup"
"""The commands that migrate, and that make what one goes back to (`components/services/migration.py`)."""
RELEASE = "image-api"
"""The image that brings the migrations."""
ARCHIVING = "image-postgres-archiving"
"""The database's image where its log is archived: then a moment of it is enough to go back to."""
SCHEMA, SCHEMA_IMAGE = "temporal-schema", "image-temporal-admin-tools"


def migrates(plan: Plan) -> bool:
    """Whether the migration of another release runs on data that are there."""
    release = _changed(plan, RELEASE)
    return plan.runs(MIGRATION) is not None and release is not None and release.op != "create"


def data(plan: Plan, stack: str) -> list[str]:
    """Sentences about the schemas, and the way back."""
    if plan.runs(MIGRATION) is None:
        found = ["no migration runs"]
    elif any(c.name == "postgres" and c.op == "create" for c in plan.of(CONTAINER)):
        found = ["the migration runs in a database that is new: there is nothing to go back to"]
    elif not migrates(plan):
        found = [
            "the migration runs again, of the release that has migrated these data before: it finds nothing "
            "to do, and nothing is kept to go back to"
        ]
    else:
        found = [
            "the migration of the new release runs once, before a container of it is made; one that fails "
            "stops the release",
            _kept(plan),
            f"the way back is `make rollback STACK={stack}`, then `make restore STACK={stack} "
            "FROM=<time>-release` (without FROM it lists the names)",
        ]
    if plan.runs(SCHEMA) and (image := _changed(plan, SCHEMA_IMAGE)) and image.op == "replace":
        found.append("Temporal's schema is brought to its new version before its server is")
    return found


def _kept(plan: Plan) -> str:
    """What is made before the migration; where the plan has no such step, that is what there is to say."""
    if plan.runs(BEFORE) is None:
        return "nothing is kept before it: the newest backup is the schedule's"
    if any(image.name == ARCHIVING for image in plan.all_of(IMAGE) if image.op != "delete"):
        return (
            "before it that moment of the database's log gets a name, once the log is off the machine (where "
            "it is not within a minute, each database is dumped)"
        )
    return "before it each database is dumped, and the dump proven by a restore"


def _changed(plan: Plan, name: str) -> Change | None:
    return next((image for image in plan.of(IMAGE) if image.name == name), None)

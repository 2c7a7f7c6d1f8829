"""Does a migration keep the data?"""

from __future__ import annotations

import pytest

from .evidence import Entry
from .graphql import Api
from .target import Target
from .wholeness import digest

pytestmark = pytest.mark.playbook


@pytest.mark.checklist("Upgrade", "Migrations run again and change nothing")
def test_migrations_run_again_and_the_data_is_the_same(target: Target, api: Api, evidence: Entry) -> None:
    api.create("Must survive a migration")
    before = digest(target)
    # The release's own command, in a container that has its environment.
    ran = target.ssh(
        f"docker exec {target.containers()['api']} sh -c "
        "'for f in /run/secrets/*; do export \"$(basename $f)=$(cat $f)\"; done; node dist/migrate.js'"
    )
    assert "migrations are complete" in ran, ran[-300:]
    assert digest(target) == before, "a migration that had nothing to do changed the data"
    evidence.say(
        "The migration ran again and found nothing to do; "
        f"the digest of the rows is {before[:12]}… before and after."
    )

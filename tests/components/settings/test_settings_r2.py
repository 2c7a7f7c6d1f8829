"""Buckets of a Cloudflare account: where they answer, and what a human still gives."""

import pytest

from components.settings.r2 import R2
from components.settings.secrets import ARCHIVE, OFFSITE
from rehearsal.declared.stacks import REMOVE, SECRETS, stack_settings
from tests.components.settings.mistakes import mistakes

ACCOUNT = "abcdef0123456789abcdef0123456789"
IN_R2 = {"backup.r2": {"account_id": ACCOUNT}, "backup.offsite.endpoint": REMOVE}


@pytest.mark.parametrize(
    ("jurisdiction", "host"),
    [("default", ""), ("eu", ".eu"), ("fedramp", ".fedramp")],
)
def test_a_jurisdiction_has_a_service_of_its_own(jurisdiction: str, host: str) -> None:
    settings = R2.model_validate_json(f'{{"account_id": "{ACCOUNT}", "jurisdiction": "{jurisdiction}"}}')
    assert settings.endpoint == f"https://{ACCOUNT}{host}.r2.cloudflarestorage.com"


def test_buckets_lie_in_europe_unless_somebody_says_otherwise() -> None:
    r2 = stack_settings("prod", IN_R2).backup.r2
    assert r2 is not None
    assert r2.location == "weur"


def test_of_a_bucket_in_r2_the_passphrase_is_all_that_a_human_gives() -> None:
    for changes, keys, given in (
        (IN_R2, OFFSITE, ["offsite_passphrase"]),
        ({**IN_R2, "backup.point_in_time.endpoint": REMOVE}, ARCHIVE, ["archive_passphrase"]),
        (IN_R2, ARCHIVE, list(ARCHIVE)),  # the log's is at another service still
    ):
        secrets = {name: value for name, value in SECRETS.items() if name not in keys}
        said = mistakes(changes, "prod", secrets)
        assert [line.partition(":")[0] for line in said] == given


def test_the_token_is_asked_for_with_what_making_them_takes() -> None:
    (said,) = mistakes(IN_R2, "prod", environment={"HCLOUD_TOKEN": "h" * 64})
    assert "export a token for this zone and account (My Profile, API Tokens: Zone / Zone / Read, " in said
    assert said.endswith("Account / Workers R2 Storage / Edit, Account / Account API Tokens / Edit)")

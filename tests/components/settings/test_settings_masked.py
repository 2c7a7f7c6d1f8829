"""What a stack hands on masked, and where one that is reset has its data from."""

from typing import Any

import pytest

from components.settings.secrets import MASKED
from rehearsal.declared.stacks import SECRETS, stack_settings
from tests.components.settings.mistakes import mistakes

BUCKET = {"endpoint": "https://nbg1.your-objectstorage.com", "bucket": "masked-rows"}
RULES = {
    "User": {"id": "keep", "email": "email", "phone": None, "note": "fixed:a \\ b"},
    "billing.Invoice": {"*": "empty"},
}
MASK = {**BUCKET, "rules": RULES}


def test_rules_reach_the_script_a_line_each() -> None:
    masked = stack_settings("prod", {"backup.masked": MASK}).backup.masked
    assert masked
    assert masked.lines() == (
        "User\tid\tkeep\nUser\temail\temail\nUser\tphone\tnull\nUser\tnote\tfixed:a \\\\ b\n"
        "billing.Invoice\t*\tempty\n"
    )


def test_a_reset_from_either_source_is_taken() -> None:
    stack_settings("uat", {"backup.reset": {"source": "masked", "masked": BUCKET}})
    stack_settings("uat", {"backup.reset": {"source": "seed"}, "application.seed_data": True})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            {"User": {"email": "mask"}},
            'rules.User.email: got "mask"; is no rule; use keep, null, empty, email, name, text',
        ),
        ({"User": {"a": "fixed:x\ty"}}, "has a tab or a line break in it"),
        ({"User": {"*": "keep"}}, 'backup.masked.rules.User: got a mapping; has more beside "*", or another'),
        (
            {"User": {"*": "empty", "id": "keep"}},
            'has more beside "*", or another rule for it; write {"*": empty}',
        ),
        (
            {"public.User": {"*": "empty"}},
            'rules.public.User: got "public.User"; is no name of a table; write it as',
        ),
        ({"User": "keep"}, 'backup.masked.rules.User: got "keep"; '),
        ({"User": {"a\tb": "keep"}}, "is no name of a column"),
    ],
)
def test_a_rule_that_is_none_is_told_with_its_path(rules: dict[str, Any], said: str) -> None:
    (line,) = mistakes({"backup.masked": {**BUCKET, "rules": rules}}, "prod")
    assert said in line


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        (
            "prod",
            {"backup.masked": {**MASK, "bucket": "b" * 10}, "backup.offsite.bucket": "b" * 10},
            'backup.masked.bucket: got "bbbbbbbbbb"; is backup.offsite.bucket: the keys to the masked rows',
        ),
        (
            "prod",
            {"backup.reset": {"source": "masked", "masked": BUCKET}},
            "backup.reset: got a mapping; throws away the data of a stack that host.protected",
        ),
        (
            "uat",
            {"backup.reset": {"source": "masked"}},
            "backup.reset.masked: got nothing; is required, since backup.reset.source is masked; add it",
        ),
        (
            "uat",
            {"backup.reset": {"source": "seed"}},
            "application.seed_data: got false; leaves the database empty that backup.reset.source seed",
        ),
        (
            "uat",
            {"backup.masked": MASK, "backup.reset": {"source": "masked", "masked": BUCKET}},
            "backup.reset: got a mapping; is for a stack that takes rows, and backup.masked is set",
        ),
        (
            "uat",
            {"backup.reset": {"source": "prod"}},
            'backup.reset.source: got "prod"; is no choice here; use seed',
        ),
    ],
)
def test_what_does_not_go_together_is_told(stack: str, changes: dict[str, Any], said: str) -> None:
    (line,) = mistakes(changes, stack)
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("prod", {"backup.masked": MASK}),
        ("uat", {"backup.reset": {"source": "masked", "masked": BUCKET}}),
    ],
)
def test_both_sides_need_their_secrets(stack: str, changes: dict[str, Any]) -> None:
    without = {name: value for name, value in SECRETS.items() if name not in MASKED}
    lines = mistakes(changes, stack, secrets=without)
    assert [line.partition(": ")[0] for line in lines] == list(MASKED)
    assert "since backup.masked or backup.reset.masked names a bucket; run `pulumi config set" in lines[0]


def test_a_bucket_of_the_example_is_replaced_with_the_zone() -> None:
    changes = {
        "domain.zone": "jira.example.net.invalid",
        "backup.reset": {"source": "masked", "masked": {**BUCKET, "bucket": "example-masked"}},
    }
    told = [line for line in mistakes(changes) if line.startswith("backup.")]
    assert [line.partition("; ")[0] for line in told] == ['backup.reset.masked.bucket: got "example-masked"']


@pytest.mark.parametrize("name", ["access_key", "passphrase"])
def test_a_key_that_opens_the_copies_is_no_key_to_masked_rows(name: str) -> None:
    secrets = {**SECRETS, f"masked_{name}": SECRETS[f"offsite_{name}"]}
    (line,) = mistakes({"backup.masked": MASK}, "prod", secrets=secrets)
    assert line.startswith(
        f"masked_{name}: got (not shown); is offsite_{name}, and whoever may read masked rows"
    )

"""Where a stack that is made anew each night has its data from."""

from typing import Literal

from pydantic import Field

from components.settings.bucket import Bucket
from components.settings.section import Section


class Reset(Section):
    """`make reset`: by hand, and each night by the workflow `reset`."""

    source: Literal["seed", "masked"] = Field(
        description="seed: the sample projects; masked: what another stack's backup.masked exported last"
    )
    masked: Bucket | None = Field(
        None,
        description="that stack's bucket; the keys, which need to read only, and the passphrase are the "
        "secrets `masked_access_key`, `masked_secret_key` and `masked_passphrase`",
    )

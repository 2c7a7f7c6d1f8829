"""What the program makes itself, so that no human types it."""

import base64
import hashlib

import pulumi
import pulumi_random as random

from components.services.logins import login
from components.settings.rotations import Rotations


class Credentials(pulumi.ComponentResource):
    """Passwords and keys of a stack; each an output that is secret. They live as long as the stack's state.

    Letters and digits only: they go into a URL and through shells, and 32 of them are 190 bits.

    Another number in the stack file (`rotations`) is another value; without one the first stays.
    """

    def __init__(self, name: str, rotations: Rotations, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:services:Credentials", name, {}, opts)

        def password(part: str, length: int = 32, rotation: int = 0) -> pulumi.Output[str]:
            return random.RandomPassword(
                f"{name}-{part}",
                length=length,
                special=False,
                keepers={"rotation": str(rotation)} if rotation else None,
                opts=pulumi.ResourceOptions(parent=self),
            ).result

        # Roles of the database
        self.postgres = password("postgres", rotation=rotations.postgres)
        self.jira = password("jira", rotation=rotations.jira)
        self.jira_login = login("jira", rotations.jira)
        """Who logs in with it."""
        self.migration = password("migration", rotation=rotations.migration)
        self.temporal = password("temporal", rotation=rotations.temporal)
        self.temporal_login = login("temporal", rotations.temporal)
        self.backup = password("backup", rotation=rotations.backup)
        self.monitoring = password("monitoring", rotation=rotations.monitoring)
        # The application
        self.session_secret = password("session-secret", 64, rotations.session)
        self.admin = password("admin", 24, rotations.admin)
        # Temporal's interface, behind basic authentication
        self.temporal_ui = password("temporal-ui", 24, rotations.temporal_ui)
        self.temporal_ui_hash = self.temporal_ui.apply(htpasswd)
        # That of the metrics, likewise
        self.metrics = password("metrics", 24, rotations.metrics)
        self.metrics_hash = self.metrics.apply(htpasswd)
        # And Grafana's, with the key to what it keeps
        self.grafana = password("grafana", 24, rotations.grafana)
        self.grafana_hash = self.grafana.apply(htpasswd)
        self.grafana_key = password("grafana-key", rotation=rotations.grafana)
        # What fingerprints are made with (`components.services.rotated`): nobody is shown it, and it stays.
        self.fingerprint_key = password("fingerprint")
        self.register_outputs({})

    @property
    def made(self) -> dict[str, pulumi.Output[str]]:
        """Each that can be made anew, by its name in `rotations`."""
        return {
            "postgres": self.postgres,
            "jira": self.jira,
            "migration": self.migration,
            "temporal": self.temporal,
            "backup": self.backup,
            "monitoring": self.monitoring,
            "session": self.session_secret,
            "admin": self.admin,
            "temporal_ui": self.temporal_ui,
            "metrics": self.metrics,
            "grafana": self.grafana,
        }

    def pooled_database_url(self, pool: int) -> pulumi.Output[str]:
        """Where api and worker find their database, as Prisma reads it, with the size of a process's pool.

        https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments
        Without it a pool has two connections for each of the host's cores, and one. libpq refuses the word.
        """
        return pulumi.Output.concat(
            f"postgresql://{self.jira_login}:", self.jira, f"@postgres:5432/jira?connection_limit={pool}"
        )

    @property
    def migration_database_url(self) -> pulumi.Output[str]:
        """Where the migration finds it: another login, and what it makes belongs to `jira` (`roles.sh`)."""
        return pulumi.Output.concat("postgresql://migration:", self.migration, "@postgres:5432/jira")


def htpasswd(password: str) -> str:
    """The hash of a password that the program made, as `htpasswd -s` writes it.

    Fast on purpose: each guess costs the proxy a check. What a slow hash adds to a human password, 142 random
    bits have by themselves; and no salt, for there is one user.
    """
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "{SHA}" + base64.b64encode(digest).decode()

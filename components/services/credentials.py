"""What the program makes itself, so that no human types it."""

import pulumi
import pulumi_random as random


class Credentials(pulumi.ComponentResource):
    """Passwords and keys of a stack; each an output that is secret. They live as long as the stack's state.

    Letters and digits only: they go into a URL and through shells, and 32 of them are 190 bits.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:services:Credentials", name, {}, opts)

        def password(part: str, length: int = 32) -> random.RandomPassword:
            return random.RandomPassword(
                f"{name}-{part}", length=length, special=False, opts=pulumi.ResourceOptions(parent=self)
            )

        # Roles of the database
        self.postgres = password("postgres").result
        self.jira = password("jira").result
        self.temporal = password("temporal").result
        self.backup = password("backup").result
        # The application
        self.session_secret = password("session-secret", 64).result
        self.admin = password("admin", 24).result
        # Temporal's interface, behind basic authentication
        temporal_ui = password("temporal-ui", 24)
        self.temporal_ui = temporal_ui.result
        # Computed once, with the password: one that is made anew at each run would be a change each time.
        self.temporal_ui_hash = temporal_ui.bcrypt_hash
        self.register_outputs({})

    @property
    def database_url(self) -> pulumi.Output[str]:
        """Where the application finds its database, as Prisma and libpq read it."""
        return pulumi.Output.concat("postgresql://jira:", self.jira, "@postgres:5432/jira")

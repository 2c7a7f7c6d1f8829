"""The private registry of the application's images; its password is the secret `registry_password`."""

from components.settings.section import Section


class Registry(Section):
    """Where and as whom images are pulled."""

    server: str
    username: str

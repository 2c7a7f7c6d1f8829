"""Scripts that run on the machine for good, each as a unit of systemd."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.containers.packed import given
from components.containers.runtime import Runtime
from components.host.machine import Command

HERE = Path(__file__).parent
SCRIPTS = "/usr/local/lib/jira-plus-plus"


@dataclass(frozen=True)
class Unit:
    """A script of this folder, the unit that runs it, and the folder that it writes its metrics into."""

    file: str
    unit: str
    about: str
    """Of the unit, as systemd shows it."""
    folder: str

    @property
    def script(self) -> str:
        """Where it is on the machine."""
        return f"{SCRIPTS}/{self.file}"

    def installed(
        self,
        name: str,
        runtime: Runtime,
        words: list[str],
        leaves: tuple[str, ...],
        opts: pulumi.ResourceOptions,
    ) -> Command:
        """The command that installs it, to be run with `words`; at its end `leaves` go with it."""
        host = runtime.host
        install = ["sh", "-s", "--", self.script, self.unit, self.about, self.folder, *words]
        return host.run(
            name,
            create=f"{host.sudo}{shlex.join(install)}",
            stdin=self.text(),
            delete=(
                f"{host.sudo}systemctl disable --quiet --now {self.unit}; "
                f"{host.sudo}rm -rf {self.script} /etc/systemd/system/{self.unit} {shlex.join(leaves)}"
            ),
            opts=opts,
        )

    def text(self) -> str:
        """The script that installs, and the script within it."""
        installer = (HERE / "install.sh").read_text(encoding="utf-8")
        return given(installer, "install_unit", "SCRIPT", (HERE / self.file).read_bytes())

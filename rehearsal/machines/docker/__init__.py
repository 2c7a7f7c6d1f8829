"""Machines that boot: a server is a container with systemd, cloud-init, sshd and a Docker of its own.

What differs from a server at Hetzner: the kernel is this machine's, so there is no swap of its own, no kernel
setting outside `net.*` and no clock to set; `poweroff` inside the machine boots it again (the API's power-off
does not); there is no metadata address.
"""

from __future__ import annotations

from rehearsal.machines.docker.machines import DockerMachines

__all__ = ["DockerMachines"]

"""Objects are answered as the official Python client reads them."""

from __future__ import annotations

import pytest
from hcloud.actions import Action
from hcloud.core import BaseDomain
from hcloud.deprecation import DeprecationInfo
from hcloud.firewalls import Firewall
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.primary_ips import PrimaryIP
from hcloud.server_types import ServerType
from hcloud.servers import Server
from hcloud.ssh_keys import SSHKey
from hcloud.volumes import Volume

from tests.rehearsal.cloud.harness import Embedded

DOMAINS: dict[str, type[BaseDomain]] = {
    "firewalls": Firewall,
    "images": Image,
    "locations": Location,
    "primary_ips": PrimaryIP,
    "server_types": ServerType,
    "servers": Server,
    "servers/actions": Action,
    "ssh_keys": SSHKey,
    "volumes": Volume,
}
# What the API has and the Python client does not read, though other clients do.
UNREAD = {"servers": {"load_balancers"}, "images": {"deleted", "deprecated"}}


@pytest.mark.parametrize("path", DOMAINS)
def test_an_object_has_what_the_python_client_reads_and_no_more(cloud: Embedded, path: str) -> None:
    cloud.furnish()
    found = cloud.good("GET", f"/v1/{path}?per_page=50")[path.rpartition("/")[2]]
    assert found
    for one in found:
        assert set(one) - UNREAD.get(path, set()) == set(DOMAINS[path].__api_properties__)


def test_a_deprecated_image_says_until_when_it_can_be_had(cloud: Embedded) -> None:
    (image,) = cloud.hetzner.images.get_all(name="debian-11", architecture="x86", include_deprecated=True)
    assert isinstance(image.deprecation, DeprecationInfo)
    assert image.deprecation.announced < image.deprecation.unavailable_after

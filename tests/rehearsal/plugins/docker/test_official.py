"""The stand-in beside the official plugin, where that is on PATH, on the Docker engine of this machine.

Without it there is nothing to compare, and so no test: under CI=true a skip would be a failure.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import docker
import pytest

from tests.rehearsal.plugins.docker_stack import Stack, differences
from tests.rehearsal.plugins.docker_stories import play, stories

if shutil.which("pulumi-resource-docker"):

    @pytest.mark.live
    @pytest.mark.engine
    @pytest.mark.parametrize("story", stories(""))
    def test_containers_fare_the_same(
        clean: docker.DockerClient, image: str, tmp_path: Path, story: str
    ) -> None:
        versions = stories(image)[story]
        seen = []
        for name, official in (("ours", ()), ("theirs", ("docker",))):
            stack = Stack(tmp_path / name, {"REHEARSAL_DOCKER": "run"}, official)
            try:
                seen.append(play(stack, versions))
            finally:
                stack.destroy()
        assert differences(*seen) == []

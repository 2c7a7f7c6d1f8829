"""The one way in which a container comes about: hardened, limited, watched, and replaced in a known order."""

from components.containers.container import Container, ContainerArgs
from components.containers.health import Health
from components.containers.image import Images
from components.containers.job import Job, JobArgs
from components.containers.mount import Mount
from components.containers.networks import Networks
from components.containers.process import Process
from components.containers.release import Release
from components.containers.runtime import Runtime

__all__ = [
    "Container",
    "ContainerArgs",
    "Health",
    "Images",
    "Job",
    "JobArgs",
    "Mount",
    "Networks",
    "Process",
    "Release",
    "Runtime",
]

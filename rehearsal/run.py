"""One rehearsal: the engine, the stand-ins and the embedded cloud around a copy of the project."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi.automation import ConfigValue

from components.settings.secrets import ARCHIVE, MASKED, OFFSITE, given, masks, told
from operations import access, changes, drill, stack_file, summary
from operations.beside import Beside
from operations.checks import verify
from operations.deployment import PROJECT, Deployment, DeploymentFailed, Retry
from operations.engine import engine
from operations.journal import Journal
from operations.last_copy import before_destroy
from operations.marks import SECRET
from operations.meaning import Meaning, text
from operations.notices import Telling
from operations.orphans import Finder
from operations.promote import Source
from operations.recovery import default_finders
from operations.recreate import Recreation
from operations.release import Release
from operations.releases.__main__ import listed
from operations.reset import Refused, Reset, source_of
from operations.reset import act as reset
from operations.restore import Restore, Wish, act
from operations.rollback import Rollback
from operations.rotate import Rotation
from operations.rotate import meant as secrets_meant
from operations.status import Report, status
from operations.status.table import table
from operations.upgrade import Upgrade
from rehearsal import background, dockerd, launchers, project
from rehearsal.images import stack_images
from rehearsal.leftovers import RecordedDocker, forget_ssh_files, in_docker
from rehearsal.progress import Progress
from rehearsal.purge import purge
from rehearsal.storage import Storage

Say = Callable[[str], None]

STEPS = (
    *("all", "preview", "up", "replace", "destroy", "recreate"),
    *(
        "status",
        "restore",
        "recover",
        "drill",
        "reset",
        "releases",
        "rollback",
        "promote",
        "rotate",
        "upgrade-postgres",
        "outputs",
    ),
)
STACKS = ("uat", "prod", "local")
RETRY_PAUSE_SECONDS = 0.5
"""The embedded cloud recovers faster than a real one."""


class RehearsalFailed(Exception):
    """The rehearsal found something wrong; the message says what."""


class Rehearsal:
    """A rehearsal of `stack` from the checkout `root`, with its state in `root`/.rehearsal/`stack`."""

    def __init__(
        self, root: Path, stack: str, say: Say = print, show: Say = print, state: Path | None = None
    ) -> None:
        self.root, self.stack, self.say, self.show = root, stack, say, show
        self.state = state or root / ".rehearsal" / stack
        self.source = root
        self._events = self.state / "events"
        self.secrets: dict[str, str] = {}
        """Beside those that are made up, by key of the stack file."""
        self.note = ""
        """Stands above the changes in the Markdown of a preview."""
        self.wish = Wish("")
        """What `restore` does."""
        self.to = ""
        """Where `rollback` goes, `promote`: a stack, or `upgrade-postgres`: a major version, or `back`."""
        self.secret = ""
        """What `rotate` makes anew."""
        self.json = False
        """Whether `status` says so, in place of a table."""
        self.report: Report | None = None
        """What `status` has found."""
        self.timings: list[summary.Timing] = []
        self._mode = ""
        self._images: Beside[dict[str, Any]] | None = None
        """Being made, until they are in the project."""
        self._preliminary = False
        """Whether the project has the stack file's own, until they are."""
        self._buckets: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        """Of the buckets."""
        self._cloud: background.Cloud | None = None
        self._deployment: Deployment | None = None

    def run(self, step: str) -> None:
        """Runs `step` (see `STEPS`) and prints the closing table.

        Raises:
            RehearsalFailed: a no-op up changed something, or a destroy left something.
            DeploymentFailed: the engine or the program failed.
            Unwell: what is up does not serve as it should.
            NoSource, JobFailed: nothing was restored.
            NoWayBack: nothing was rolled back.
            NotThere: nothing was promoted.
            NoUpgrade: the database stays what it is.
            NoRotation: no secret was made anew.
        """
        with self._alone():
            self._set_up(step)
            {
                "preview": self._preview,
                "up": self._up,
                "replace": self._replace,
                "destroy": self._destroy,
                "recreate": self._recreate,
                "all": self._all,
                "outputs": self._outputs,
                "status": self._status,
                "restore": self._restore,
                "recover": self._recover,
                "drill": self._drill,
                "reset": self._reset,
                "releases": self._releases,
                "rollback": self._rollback,
                "promote": self._promote,
                "rotate": self._rotate,
                "upgrade-postgres": self._upgrade_postgres,
            }[step]()

    @contextmanager
    def standing(self) -> Iterator[Deployment]:
        """The deployment of a stack that is up, for who measures it."""
        with self._alone():
            self._set_up("up")
            assert self._deployment is not None
            with self._deployment.way_in(first=True):
                yield self._deployment

    # ── steps

    def _all(self) -> None:
        self._preview()
        self._take_images()
        self._up(table=False)
        if self.timings[-1].changes:  # one that changed nothing has shown already what the next shows
            self._no_op()
        self._table()

    def _preview(self) -> None:
        try:
            journal = self._timed("preview", lambda deployment: deployment.preview())
        except DeploymentFailed as failure:
            self._write_preview(failure.journal)
            raise
        self._write_preview(journal)

    def _up(self, table: bool = True) -> None:
        assert self._deployment is not None
        with Telling(self._deployment, self.say).of("deploy") as outcome:
            outcome.journal = self._timed("up", lambda deployment: deployment.up())
            if table:
                self._table()

    def _replace(self) -> None:
        self._timed("replace", lambda deployment: deployment.replace_server())
        self._table()

    def _no_op(self) -> None:
        journal = self._timed("no-op up", lambda deployment: deployment.up())
        if journal.changes:
            changed = [f"{step.op} {step.name}" for step in journal.steps if step.op != "same"]
            raise RehearsalFailed(
                f"a second up right after the first must change nothing, and changed {journal.changes} "
                f"resource(s): {', '.join(changed)}"
            )

    def _destroy(self) -> None:
        assert self._deployment is not None
        try:
            self._end()
        except DeploymentFailed:
            if self._deployment.protected():
                self.say(f"\nrehearsed, it goes all the same: make rehearse STACK={self.stack} STEP=clean")
            raise
        self._table()
        background.stop(self.state)
        self.say("the embedded cloud is empty and was stopped")

    def _recreate(self) -> None:
        assert self._deployment is not None

        def empty() -> list[str]:
            self._verify_empty()
            forget_ssh_files(self.state)
            return []

        timings = Recreation(self._deployment, self.say, empty).act(sure=True)
        self.timings += timings or []
        self._table()

    def _end(self) -> None:
        assert self._deployment is not None
        before_destroy(self._deployment)
        self._timed("destroy", lambda deployment: deployment.destroy())
        self._verify_empty()
        for laid_over in self._laid_over:
            laid_over.unlink(missing_ok=True)
        forget_ssh_files(self.state)

    def _outputs(self) -> None:
        assert self._deployment is not None
        self._deployment.write_outputs(self.state / "outputs.json")

    def _restore(self) -> None:
        assert self._deployment is not None
        with self._deployment.way_in():
            act(Restore(self._deployment, self.say), self.wish, sure=True)

    def _recover(self) -> None:
        """What `make recover` does after the worst day: the buckets and the keys on paper are left."""
        if not self._buckets:
            raise RehearsalFailed(
                f"{self.stack} keeps nothing off the machine, of which it could be had back: set "
                "backup.offsite or backup.point_in_time (Pulumi.README.md), and see that containers run"
            )
        assert self._cloud is not None
        self.say(f"\n── the server, the volume and the state of {self.stack} are gone")
        purge(self._cloud)
        forget_ssh_files(self.state)
        for lost in (self.state / "backend", self._events):
            shutil.rmtree(lost, ignore_errors=True)
        self._set_up("up")
        self._up(table=False)
        self.wish = Wish.of(self.wish.source or "former", "all", "")
        started = time.monotonic()
        self._restore()
        self.timings.append(summary.Timing("restore", time.monotonic() - started, 0))
        self._table()

    def _drill(self) -> None:
        assert self._deployment is not None
        if drill.make(self._deployment, self.say):
            raise RehearsalFailed(f"the drill of {self.stack} failed; its page says why")

    def _reset(self) -> None:
        assert self._deployment is not None
        source = source_of(self.state / "project", self.stack, self.wish.source)
        if source is None:
            raise Refused(f"backup.reset: got nothing; {self.stack} is not to be reset")
        with self._deployment.way_in():
            reset(Reset(self._deployment, self.say), source, sure=True)

    def _status(self) -> None:
        assert self._deployment is not None
        self.report = status(self._deployment)
        self.say(json.dumps(self.report.document(), default=str) if self.json else table(self.report))

    def _releases(self) -> None:
        assert self._deployment is not None
        self.say(listed(self._deployment))

    def _rollback(self) -> None:
        """The copy of the stack file is written; the user's own goes forward again with the next up."""
        assert self._deployment is not None
        Rollback(self._deployment, self.say).act(self.to, sure=True)

    def _promote(self) -> None:
        """The file of the other stack is a copy, which its next rehearsal makes anew."""
        assert self._deployment is not None
        images = Source(self._deployment, self.say).images()
        self.say("\n".join(f"{name}={reference}" for name, reference in images.items()))
        if self.to:
            state = self.state.parent / self.to
            copy = project.prepare(self.source, self.to, state, stack_images.preliminary(), self.root)
            its = self._deployment
            other = Deployment(copy, self.to, its.binary, its.environment)
            self.say(f"Pulumi.{self.to}.yaml, in a copy:")
            self.say("\n".join(Release(other).prepare(images)[1:]))

    def _rotate(self) -> None:
        """The copy of the stack file is written, and what was written is laid over it in the runs to come."""
        assert self._deployment is not None
        names = secrets_meant(self.secret, self.stack)
        rotation = Rotation(self._deployment, self.say)
        numbers = rotation.raise_(names)
        laid_over = {"config": {f"{PROJECT}:rotations": numbers}}
        self._rotated.write_text(json.dumps(laid_over))
        rotation.deploy(names)

    def _upgrade_postgres(self) -> None:
        """The copy of the stack file is written, and what was written is laid over it in the runs to come."""
        assert self._deployment is not None
        upgrade = Upgrade(self._deployment, self.say)
        if self.to == "back":
            upgrade.back(sure=True)
            self._moved.unlink(missing_ok=True)
            return
        image = stack_images.next_postgres(upgrade.image, self.to, self.say)
        try:
            upgrade.act(image, sure=True)
        finally:
            if (
                stack_file.images(self._deployment.project / f"Pulumi.{self.stack}.yaml")[upgrade.image]
                == image
            ):
                laid_over = {"config": {f"{PROJECT}:images": {upgrade.image: image}}}
                self._moved.write_text(json.dumps(laid_over))

    @property
    def _moved(self) -> Path:
        """The database's image after an upgrade of it, which the user's own stack file does not name."""
        return self.state / "postgres.json"

    @property
    def _rotated(self) -> Path:
        """The numbers of secrets that were made anew, which the user's own stack file does not have."""
        return self.state / "rotations.json"

    @property
    def _laid_over(self) -> tuple[Path, ...]:
        """What earlier steps have changed, laid over each fresh copy of the stack file until a destroy."""
        return self._moved, self._rotated

    # ── parts

    def _set_up(self, step: str) -> None:
        mode = self._mode = self._docker_mode()
        self._buckets = project.buckets(self.source, self.stack) if mode == "run" else {}
        # A stack that was never up is previewed without images: they are made meanwhile, or not at all.
        early = mode == "run" and step in ("all", "preview") and not (self._events / "up.jsonl").exists()
        if mode == "run" and not (early and step == "preview"):
            server_image = project.server_image(self.source, self.stack)
            # Masked rows that come or go need what copies need.
            taken = ("offsite",) if project.takes_or_exports(self.source, self.stack) else ()
            leaving = tuple(dict.fromkeys((*self._buckets, *taken)))
            monitored = project.monitored(self.source, self.stack)
            logged = project.logged(self.source, self.stack)
            shown = project.shown(self.source, self.stack)
            self._images = Beside(
                lambda: stack_images.fragment(
                    self.say, server_image, leaving, monitored=monitored, logged=logged, shown=shown
                )
            )
        binary = engine(self.say)
        home = self.root / ".rehearsal" / "home"
        home.mkdir(parents=True, exist_ok=True)
        stand_ins = launchers.place(self.state / "bin", home, recorded=mode == "record")
        if stand_ins:
            self.say(f"stand-ins in place of the official provider plugins: {', '.join(stand_ins)}")
        rehearsing = {
            "REHEARSAL_DOCKER": mode,
            "REHEARSAL_STATE": str(self.state),
            **launchers.environment(self.state / "bin"),
        }
        copy = self._prepare(self._fragment(early))
        self._cloud = background.start(
            self.state,
            {k: v for k, v in rehearsing.items() if k != "PATH"},
            project.zones(copy, self.stack),
            project.account(copy, self.stack),
        )
        self._have_buckets()
        backend = self.state / "backend"
        backend.mkdir(parents=True, exist_ok=True)
        environment = {
            **rehearsing,
            **self._cloud.environment,
            **self._storage_of_r2(),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",  # guards made-up values only
        }
        self._deployment = Deployment(
            project=copy,
            stack=self.stack,
            binary=binary,
            environment=environment,
            events=self._events,
            say=self.say,
            show=Progress(self.show).line,
            retry=Retry(pause_seconds=RETRY_PAUSE_SECONDS),
            knock=access.knock if mode == "run" else lambda _: True,
            finders=self._finders(environment),
        )
        self._configure_secrets(self._deployment, environment)

    def _fragment(self, early: bool) -> dict[str, Any] | None:
        """What the stand-ins lay over the stack file; if `early`, without images that are not there yet."""
        self._preliminary = early and (self._images is None or not self._images.future.done())
        if self._preliminary:
            self.say("nothing is up yet: this preview has the images of the stack file")
            return stack_images.preliminary()
        images, self._images = self._images, None
        return images.future.result() if images else None

    def _take_images(self) -> None:
        """Goes on with the images that were being made during the preview."""
        if self._images is None:
            return
        assert self._deployment is not None
        self._prepare(self._fragment(early=False))
        self._have_buckets()
        self._configure_secrets(self._deployment, self._deployment.environment)

    def _prepare(self, images: Mapping[str, Any] | None) -> Path:
        """A fresh copy of the project, with these images; copies go to the storage of the embedded cloud."""
        over = dict(images or {})
        for laid_over in self._laid_over:
            if laid_over.exists():
                over = project.merge(over, json.loads(laid_over.read_text()))
        if self._buckets and not self._preliminary:
            storage = Storage.of(self.state / "cloud" / "storage")
            self._keys = storage.secrets()
            of_r2 = project.in_r2(self.source, self.stack)
            settings = {
                name: storage.trusted() if name in of_r2 else storage.settings() for name in self._buckets
            }
            elsewhere = {f"{PROJECT}:backup": settings}
            over = project.merge(over, {"config": elsewhere})
        if project.exports_elsewhere(self.source, self.stack):
            self.say("backup.masked is left out: its rules are for the tables of the real application")
            over = project.merge(over, {"config": {f"{PROJECT}:backup": {}}})
            over["config"][f"{PROJECT}:backup"]["masked"] = None
        return project.prepare(self.source, self.stack, self.state, over, self.root)

    def _storage_of_r2(self) -> dict[str, str]:
        """Where the buckets of the account answer, which has them at no name of Cloudflare's here."""
        if not project.in_r2(self.source, self.stack) or not self._buckets:
            return {}
        return {"CLOUDFLARE_R2_ENDPOINT": Storage.of(self.state / "cloud" / "storage").endpoint}

    def _have_buckets(self) -> None:
        if not self._preliminary:
            assert self._cloud is not None
            for bucket in self._buckets.values():
                self._cloud.keep(bucket)

    def _finders(self, environment: Mapping[str, str]) -> list[Finder]:
        finders = default_finders(environment)
        if environment["REHEARSAL_DOCKER"] == "record":
            recorded = RecordedDocker(self.state)
            finders = [finder for finder in finders if finder.prefix != recorded.prefix] + [recorded]
        return finders

    def _docker_mode(self) -> str:
        wanted = os.environ.get("REHEARSAL_DOCKER")
        if wanted not in (None, "", "run", "record"):
            raise RehearsalFailed(f"REHEARSAL_DOCKER={wanted}: must be run or record")
        if wanted == "record":
            self.say("REHEARSAL_DOCKER=record: servers, containers and commands are recorded, none runs")
            return "record"
        trouble = dockerd.ensure(self.say)
        if trouble is None:
            return "run"
        if wanted == "run":
            raise RehearsalFailed(f"REHEARSAL_DOCKER=run, but {trouble}")
        self.say(f"{trouble}. Servers, containers and commands are only recorded")
        return "record"

    def _configure_secrets(self, deployment: Deployment, environment: Mapping[str, str]) -> None:
        """Made-up values for the secrets that a human gives, the same in each run."""
        secrets = made_up(deployment.open().get_all_config(), environment) | self._keys | self.secrets
        values = {f"{PROJECT}:{name}": ConfigValue(value, secret=True) for name, value in secrets.items()}
        if values:
            deployment.open().set_all_config(values)

    def _timed(self, step: str, run: Callable[[Deployment], Journal]) -> Journal:
        assert self._deployment is not None
        self.say(f"\n── {step} {self.stack}")
        started = time.monotonic()
        journal = run(self._deployment)
        seconds = time.monotonic() - started
        self.timings.append(summary.Timing(step, seconds, journal.changes))
        return journal

    def _write_preview(self, journal: Journal) -> None:
        target = self.state / "preview.md"
        heading = f"Rehearsed preview of `{self.stack}`"
        target.write_text(changes.markdown(self.stack, journal, heading, self.note))
        if said := text(Meaning.of(self.stack, journal)):
            self.say(f"\n{said}")
        self.say(f"the diff as a pull request shows it: {os.path.relpath(target)}")

    def _verify_empty(self) -> None:
        assert self._cloud is not None
        left = self._cloud.holdings()
        if left:
            listed = ", ".join(f"{count} {kind}" for kind, count in left.items())
            raise RehearsalFailed(f"destroy of {self.stack} left in the embedded cloud: {listed}")
        if self._mode == "run" and (found := in_docker(self.stack)):
            raise RehearsalFailed(f"destroy of {self.stack} left in this Docker: {', '.join(found)}")

    def _table(self) -> None:
        assert self._deployment is not None
        resources = self._deployment.resources()
        self.say("\n" + summary.table(self.stack, resources, self.timings))
        with self._deployment.way_in():
            verify(self.stack, resources, self._deployment.environment)
        if SECRET in summary.outputs(resources).values():
            target = os.path.relpath(self.state / "outputs.json")
            self.say(f"with the passwords, in {target}: make rehearse STACK={self.stack} STEP=outputs")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One rehearsal of a stack at a time in a checkout."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RehearsalFailed(
                    f"another rehearsal of {self.stack} is running in this checkout"
                ) from None
            yield


def made_up(config: Mapping[str, ConfigValue], environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets that this stack's settings call for, made up."""

    def section(name: str) -> Mapping[str, object]:
        value = config.get(f"{PROJECT}:{name}")
        return json.loads(value.value) if value else {}

    values = {}
    if section("tls").get("mode") == "dns-01":
        values["acme_dns_token"] = environment["CLOUDFLARE_API_TOKEN"]
    if section("registry"):
        values["registry_password"] = "made-up-registry-password"  # noqa: S105
    for leaving, keys in (("offsite", OFFSITE), ("point_in_time", ARCHIVE)):
        if section("backup").get(leaving):
            human = given({"backup": section("backup")}, keys, (leaving,))
            values |= {name: f"made-up-{name.replace('_', '-')}" for name in human}
    if masks({"backup": section("backup")}):
        values |= {name: f"made-up-{name.replace('_', '-')}" for name in MASKED}
    values |= {
        name: f"http://127.0.0.1:9/{name}" for name in told({"notifications": section("notifications")})
    }
    if section("application").get("sentry"):
        values["sentry_dsn"] = "http://public@127.0.0.1:9/1"
    return values

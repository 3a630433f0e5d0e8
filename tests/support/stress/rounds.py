"""One round: a run that is killed, the run after it, and what must be true then."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod import api
from nbprod.config import Project
from nbprod.store.ledger import Ledger, load_manifest
from nbprod.worker import hashing

from . import notebook, victims

NBPROD = [sys.executable, "-m", "nbprod"]
VICTIMS = {"driver": 35, "stage": 25, "zygote": 15, "publisher": 8, "group": 9, "two": 8}
SEEDS = (7, 8)
TIMEOUT = 180.0


class Wrong(AssertionError):
    """Something is not as it must be."""


@dataclass(frozen=True)
class Setting:
    """How the runs of a round are made."""

    seed: int
    jobs: int
    store: bool
    tracked: bool
    zygote: bool
    before: bool
    victims: tuple[str, ...]

    @classmethod
    def draw(cls, chance: random.Random) -> Setting:
        """Return a random one."""
        tracked = chance.random() < 0.12
        kinds = [kind for kind in VICTIMS if tracked or kind != "publisher"]
        drawn = chance.choices(kinds, [VICTIMS[kind] for kind in kinds], k=2 if chance.random() < 0.25 else 1)
        return cls(
            seed=chance.choice(SEEDS),
            jobs=3 if chance.random() < 0.35 else 1,
            store=chance.random() < 0.15,
            tracked=tracked,
            zygote=chance.random() > 0.08,
            before=chance.random() < 0.3,
            victims=tuple(drawn),
        )


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbed: fingerprints and contents by name, metrics, files, and how much it told."""

    fingerprints: dict[str, str]
    contents: dict[str, str]
    values: dict[str, str]
    metrics: dict[str, float]
    files: dict[str, str]
    events: int


@dataclass
class Rounds:
    """Rounds in one folder, with zygotes of their own.

    `runtime` is the folder of the zygotes (short: it is part of a socket's address).
    """

    folder: Path
    runtime: Path
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._expected: dict[int, Undisturbed] = {}

    def close(self) -> None:
        """End what is left of our processes."""
        for process in victims.processes(self.runtime):
            os.kill(process.pid, signal.SIGKILL)

    # one round

    def round(self, number: int) -> Setting:
        """Carry out one round; raises `Wrong`."""
        chance = random.Random(number)
        setting = Setting.draw(chance)
        self._expect(setting.seed)
        project = self._project(f"round-{number}")
        try:
            if setting.before:
                self._started(project, setting, other=True).wait(TIMEOUT)
            for kind in setting.victims:
                self._disturbed(project, setting, kind, chance)
            self._after(project, setting)
        except Exception as error:
            raise Wrong(f"{setting}: {type(error).__name__}: {error}") from error
        shutil.rmtree(project)
        shutil.rmtree(f"{project}.bucket", ignore_errors=True)
        self.counts["rounds"] += 1
        return setting

    def _project(self, name: str) -> Path:
        project = self.folder / name
        (project / ".git").mkdir(parents=True)
        notebook.write(project / "nb.ipynb")
        return project

    def _started(self, project: Path, setting: Setting, *, other: bool = False, wait: bool = False) -> Any:
        seed = next(known for known in SEEDS if (known != setting.seed) == other)
        arguments = ["run", "nb.ipynb", "--json", "-p", f"seed={seed}", "--jobs", str(setting.jobs)]
        arguments += [] if setting.zygote else ["--no-zygote"]
        arguments += ["--store", f"file://{project}.bucket"] if setting.store else []
        arguments += ["--wait"] if wait else []
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "NO_COLOR": "1"}
        for name in ("NBPROD_HOME", "NBPROD_TRACKING", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
            environment.pop(name, None)
        if not setting.tracked:
            environment["NBPROD_TRACKING"] = "none"
        with (project / "out.txt").open("w") as out, (project / "err.txt").open("w") as err:
            return subprocess.Popen(
                [*NBPROD, *arguments],
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _disturbed(self, project: Path, setting: Setting, kind: str, chance: random.Random) -> None:
        """Start a run and kill something of it at a random instant."""
        begun = time.time()
        driver = self._started(project, setting)
        kinds = chance.sample(["driver", "stage", "zygote"], 2) if kind == "two" else [kind]
        if kind == "publisher":
            driver.wait(TIMEOUT)
            time.sleep(chance.uniform(0.0, 4.0))
        else:
            self._instant(driver, project, begun, chance)
        hits = [self._kill(driver, each) for each in kinds]
        code = driver.wait(TIMEOUT)
        for each, hit in zip(kinds, hits, strict=True):
            self.counts[f"{each} {'killed' if hit else 'missed'}"] += 1
        if not any(hits) or kind in ("zygote", "publisher"):
            check(code == 0, f"{kind} killed, the run ended with {code}: {_told(project)}")
        elif kind == "stage" and code != 0:
            self._died(project)

    def _instant(self, driver: Any, project: Path, begun: float, chance: random.Random) -> None:
        """Wait until the run has told so many things, and a moment longer; or, now and then, just a while."""
        told = next(iter(self._expected.values())).events
        moment, events = chance.uniform(0.0, 0.06), chance.randrange(told + 1)
        if chance.random() < 0.2:
            moment, events = chance.uniform(0.0, 1.5), 0
        while events and driver.poll() is None and _events(project, begun) < events:
            time.sleep(0.002)
        time.sleep(moment)

    def _kill(self, driver: Any, kind: str) -> bool:
        if kind in ("driver", "group"):
            running = driver.poll() is None
            if running:
                os.killpg(driver.pid, signal.SIGKILL) if kind == "group" else driver.kill()
            return running
        return victims.kill(self.runtime, kind, 0.0 if driver.poll() is not None else 0.3)

    def _died(self, project: Path) -> None:
        """A stage that was killed says so, and keeps what it has shown."""
        run = _answer(project)
        check(run["error"]["code"] == "NB503", f"a killed stage is told as {run['error']}")
        failed = [stage for stage in run["stages"] if stage["status"] == "failed"]
        check(len(failed) >= 1, f"no stage failed: {run['stages']}")
        json.loads(Path(failed[0]["notebook"]).read_text())
        self.counts["stages told as killed"] += 1

    # what must be true afterwards

    def _after(self, project: Path, setting: Setting) -> None:
        begun = time.monotonic()
        code = self._started(project, setting, wait=setting.tracked).wait(TIMEOUT)
        check(code == 0, f"the run after it ended with {code}: {_told(project)}")
        self.counts["milliseconds of runs after"] += int(1000 * (time.monotonic() - begun))
        run = _answer(project)
        equal(left_by(project, run), self._expect(setting.seed))
        statuses = Counter(stage["status"] for stage in run["stages"])
        self.counts["stages reused"] += statuses["cached"]
        self.counts["stages run"] += statuses["succeeded"]
        left = victims.gone(self.runtime, victims.LASTING)
        check(not left, f"still there: {left}")
        self._store(project)
        self._records(project)
        if setting.tracked:
            self._mlflow(project, len(run["stages"]))
        self._nothing_left(project)

    def _store(self, project: Path) -> None:
        home = project / ".nbprod"
        found = api.store_verify(project)
        check(not found["damaged"] and not found["missing"], f"store verify: {found}")
        with sqlite3.connect(home / "ledger.sqlite") as link:
            said = link.execute("PRAGMA integrity_check").fetchall()
        link.close()
        check(said == [("ok",)], f"the ledger: {said}")

    def _records(self, project: Path) -> None:
        runs = api.history(project)
        check(str(runs[0].status) == "succeeded", f"the last run: {runs[0].status}")
        check(all(str(run.status) != "running" for run in runs), "a killed run is said to be running")
        for file in (project / ".nbprod" / "runs").rglob("*.ipynb"):
            json.loads(file.read_text())
        for file in (project / ".nbprod" / "runs").rglob("run.json"):
            json.loads(file.read_text())

    def _mlflow(self, project: Path, stages: int) -> None:
        """Each run that has ended is in MLflow once, with its stages."""
        home = project / ".nbprod"
        with sqlite3.connect(home / "mlflow.db") as link:
            query = (
                "SELECT t.value, k.value, r.status FROM tags t JOIN tags k USING (run_uuid) JOIN runs r USING (run_uuid)"
                " WHERE t.key = 'nbprod.run' AND k.key = 'nbprod.kind'"
            )
            rows = link.execute(query).fetchall()
        link.close()
        for run in api.history(project):
            mine = [(kind, status) for name, kind, status in rows if name == run.id]
            kinds = Counter(kind for kind, _ in mine)
            if str(run.status) == "succeeded":
                check(kinds == {"run": 1, "stage": stages}, f"run {run.id} in MLflow: {mine}")
                check({status for _, status in mine} == {"FINISHED"}, f"run {run.id} in MLflow: {mine}")
            else:
                check(kinds["run"] <= 1, f"run {run.id} in MLflow: {mine}")
                check("RUNNING" not in {status for _, status in mine}, f"run {run.id} in MLflow: {mine}")
        check(not list((home / "journal").glob("*.jsonl")), "a journal was left")

    def _nothing_left(self, project: Path) -> None:
        """No temporary file is left for ever: none in the project, and none in the store once it is cleaned up."""
        outside = [path for path in project.iterdir() if path.name.startswith(".new-") or path.suffix == ".part"]
        check(not outside, f"in the project: {outside}")
        home = project / ".nbprod"
        then = time.time() - 2 * 86400
        for path in home.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))
        with sqlite3.connect(home / "ledger.sqlite") as link:  # as if all had been two days ago
            link.execute("UPDATE runs SET started = started - 172800")
            link.execute("UPDATE snapshots SET created = created - 172800")
        link.close()
        api.store_gc(project)
        left = [path for path in home.rglob("*") if path.is_file() and drafted(path)]
        check(not left, f"temporary files: {left}")

    # without disturbance

    def _expect(self, seed: int) -> Undisturbed:
        if seed not in self._expected:
            self._expected[seed] = self._undisturbed(seed)
        return self._expected[seed]

    def _undisturbed(self, seed: int) -> Undisturbed:
        project = self._project(f"undisturbed-{seed}")
        setting = Setting(seed, 1, store=False, tracked=False, zygote=True, before=False, victims=())
        self._started(project, setting, other=True).wait(TIMEOUT)  # starts the zygote, too
        shutil.rmtree(project)
        project = self._project(f"undisturbed-{seed}")
        code = self._started(project, setting).wait(TIMEOUT)
        check(code == 0, f"the undisturbed run ended with {code}: {_told(project)}")
        found = left_by(project, _answer(project))
        shutil.rmtree(project)
        return found


def drafted(path: Path) -> bool:
    """Whether a file's name is that of one that was being written."""
    return (path.name.startswith((".", "tmp")) and path.name != ".gitignore") or path.suffix == ".part"


def left_by(project: Path, run: dict[str, Any]) -> Undisturbed:
    """Return what a run has left."""
    values = api.show(run["run"], project)
    contents: dict[str, str] = {}
    with Ledger(project / ".nbprod") as ledger:
        for stage in values.stages:
            snapshot = ledger.snapshot(Path(stage.snapshot or ""))
            manifest = load_manifest(snapshot) if snapshot else None
            check(manifest is not None, f"stage {stage.name} has no snapshot")
            groups = (manifest or {})["groups"]
            contents.update({f"{stage.name}.{name}": group["content"] for group in groups for name in group["names"]})
    digests = {name: hashing.content(values[name]) for name in notebook.VALUES}
    files = {name: (project / name).read_text() for name in notebook.FILES}
    fingerprints = {stage.name: stage.fingerprint or "" for stage in values.stages}
    return Undisturbed(fingerprints, contents, digests, run["metrics"], files, _events(project))


def equal(found: Undisturbed, expected: Undisturbed) -> None:
    """Raise `Wrong` when a run has left something else."""
    for kind in ("values", "files", "metrics", "contents", "fingerprints"):
        mine, other = getattr(found, kind), getattr(expected, kind)
        names = [name for name in {**mine, **other} if mine.get(name) != other.get(name)]
        check(not names, f"{kind} differ: {names}")


def check(held: object, text: str) -> None:
    """Raise `Wrong` unless something holds."""
    if not held:
        raise Wrong(text)


def _events(project: Path, since: float = 0.0) -> int:
    """Return how many things the run has told that began at that time."""
    logs = (project / ".nbprod" / "runs").glob("*/events.jsonl")
    return max((log.read_bytes().count(b"\n") for log in logs if log.stat().st_ctime >= since), default=0)


def _answer(project: Path) -> dict[str, Any]:
    text = (project / "out.txt").read_text()
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError:
        raise Wrong(f"no JSON: {_told(project)}") from None
    return answer


def _told(project: Path) -> str:
    return ((project / "out.txt").read_text() + (project / "err.txt").read_text())[-1500:]


__all__ = ["Project", "Rounds", "Setting", "Wrong"]

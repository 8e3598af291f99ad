"""The seven links of the chain. A task names a use case; what surrounds it is ``Link``."""

from __future__ import annotations

from laambda.build import steps
from laambda.domain.build import Step
from laambda.release import deploy as deploying
from laambda.release import record as recording
from workers.app import app
from workers.link import Link


@app.task(bind=True, base=Link, name="laambda.build.extract")
def extract(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.EXTRACT, steps.extract)


@app.task(bind=True, base=Link, name="laambda.build.detect")
def detect(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.DETECT, steps.detect)


@app.task(bind=True, base=Link, name="laambda.build.build")
def build(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.BUILD, steps.build)


@app.task(bind=True, base=Link, name="laambda.build.zip")
def zip_code(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.ZIP, steps.zip_code)


@app.task(bind=True, base=Link, name="laambda.build.upload")
def upload(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.UPLOAD, steps.upload)


@app.task(bind=True, base=Link, name="laambda.release.deploy")
def deploy(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.DEPLOY, deploying.deploy)


@app.task(bind=True, base=Link, name="laambda.release.record")
def record(self: Link, build_id: int) -> None:
    self.run_step(build_id, Step.RECORD, recording.record)

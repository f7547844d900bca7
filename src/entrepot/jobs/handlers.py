"""Handlers for each kind of job."""

from entrepot.app import App
from entrepot.jobs.worker import Work
from entrepot.metadata.events import jobs


def job_handlers(app: App) -> dict[str, Work]:
    """The handler of each kind of job, by the name of the kind."""

    async def index(subject: str) -> None:
        place = await app.indexing.index(int(subject))
        if place is not None:
            await app.pull_verdicts.judge_manifest(place.repository_id, place.digest)

    async def summarize(subject: str) -> None:
        await app.summaries.summarize(int(subject))

    async def recount(subject: str) -> None:
        repository_id, _, digest = subject.partition(" ")
        await app.indexing.count_marks(int(repository_id), digest)
        await app.pull_verdicts.judge_manifest(int(repository_id), digest)

    async def measure(subject: str) -> None:
        await app.quotas.measure(int(subject))

    async def reassess(subject: str) -> None:
        await app.indexing.reassess(int(subject))

    async def spread(subject: str) -> None:
        await app.matching.spread()

    return {
        jobs.INDEX: index,
        jobs.SUMMARIZE: summarize,
        jobs.RECOUNT: recount,
        jobs.MEASURE: measure,
        jobs.REASSESS: reassess,
        jobs.SPREAD: spread,
        jobs.VERIFY: app.trust_roots.verify,
        jobs.JUDGE: app.pull_verdicts.judge,
    }

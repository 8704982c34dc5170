"""The pack `classify`: what THUDM/GLM could be trained on besides SuperGLUE, with its patterns and words."""

from collections.abc import Iterator

from glm_core import Task, hookimpl


@hookimpl
def glm_tasks() -> Iterator[Task]:
    """MNLI, Yahoo Answers, Yelp, X-Stance, RACE, and SQuAD with its answer as the only choice."""
    from glm_pack_classify import mnli, race, squad, stance, yahoo, yelp

    yield from (mnli.matched, mnli.mismatched, yahoo.task, yelp.polarity, yelp.full)
    yield from (*stance.TASKS, race.task, squad.task)

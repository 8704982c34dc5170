from glm_core import PVP, Example, JsonlProcessor, Split, Task, hookimpl, metrics


class MovieReviews(JsonlProcessor):
    labels = ("negative", "positive")
    splits = (Split("train", "train", ("train.jsonl",)), Split("dev", "tune", ("val.jsonl",)))

    def examples(self, row, uid):
        yield Example(uid, {"review": row["review"]}, label=row.get("sentiment"))


WORDS = {"negative": ["terrible", "bad"], "positive": ["great", "good"]}


@hookimpl
def glm_tasks():
    yield Task(
        "movie-reviews",
        MovieReviews(),
        (PVP("it-was", "{review} It was [MASK].", WORDS), PVP("just", "Just [MASK]! {review}", WORDS)),
        {"accuracy": metrics.accuracy},
    )

"""The exhibits whose task or data are broken: D, T, V and M."""

from __future__ import annotations

from tests.museum_checks.museum import Exhibit, rows


def _function(body: str) -> dict[str, str]:
    """The first pattern as a function with this body."""
    return {
        '"{text} It was [MASK].", WORDS)': "pattern, WORDS)",
        "WORDS = {": f"def pattern(ex):\n    {body}\n\n\nWORDS = {{",
    }


def _metric(name: str, body: str) -> dict[str, str]:
    """A metric with this body in the place of accuracy."""
    return {
        "metrics.accuracy}": f"{name}}}",
        '{"accuracy"': f'{{"{name}"',
        "METRICS =": f"def {name}(predictions):\n    {body}\n\n\nMETRICS =",
    }


MANY = " ".join(["so very long"] * 30)

EXHIBITS = {
    # ------------------------------------------------------------------------------------------------------- data
    "D201": Exhibit(
        "D201",
        "dev: uid 'a' at dev.jsonl:3 and :5",
        data={"dev.jsonl": [{**one, "uid": "a" if n in (2, 4) else f"b{n}"} for n, one in enumerate(rows("dev"))]},
        at='Split("dev"',
    ),
    "D202": Exhibit(
        "D202",
        "unknown label 'god' (there are bad, good); did you mean 'good'?",
        data={"dev.jsonl": [*rows("dev", 4), {"text": "the end", "label": "god"}]},
    ),
    "D202-a-number": Exhibit(
        "D202",
        "unknown label '1' (there are bad, good)",
        data={"train.jsonl": [*rows("train", 4), {"text": "the end", "label": 1}]},
    ),
    "D202-a-reader-that-does-not-look": Exhibit(
        "D202",
        "label 'god' of dev-4 is none of bad, good; did you mean 'good'?",
        change={
            "    def examples(self": """    def read(self, data, split):
        for name in split.files:
            for n, row in enumerate(data.jsonl(name)):
                yield from self.examples(row, f"{split.name}-{n}")

    def examples(self""",
            "[MASK].\", WORDS)": "[MASK].\", WORDS, otherwise=\"god\")",
            "{text}\", WORDS)": "{text}\", WORDS, otherwise=\"god\")",
        },
        data={"dev.jsonl": [*rows("dev", 4), {"text": "the end", "label": "god"}]},
    ),
    "D203": Exhibit(
        "D203",
        "2 of 10 dev examples are also in train (first: dev-3)",
        data={
            "dev.jsonl": [
                {**one, "text": rows("train")[n]["text"].upper() if n in (3, 5) else one["text"]}
                for n, one in enumerate(rows("dev"))
            ]
        },
        at='Split("dev"',
    ),
    "D204": Exhibit(
        "D204",
        "field 'text' is empty in 1 of 30 examples (first: train-2)",
        data={"train.jsonl": [{**one, "text": "" if n == 2 else one["text"]} for n, one in enumerate(rows("train"))]},
        at="yield Task(",
    ),
    "D205": Exhibit(
        "D205",
        "train: second reading gave another order from example 0 on",
        change={
            "    def examples(self": "    turn = 0\n\n    def read(self, data, split):\n"
            "        Reader.turn += split.name == 'train'\n        found = list(super().read(data, split))\n"
            "        return iter(found[::-1] if Reader.turn % 2 else found)\n\n    def examples(self"
        },
        at='Split("train"',
    ),
    "D205-another-text": Exhibit(
        "D205",
        "train: second reading gave another example 0 (train-0)",
        change={
            'fields = {"text": row["text"]}': 'Reader.turn = getattr(Reader, "turn", 0) + 1\n'
            '        fields = {"text": row["text"] + " so" * (uid == "train-0" and Reader.turn > 5)}'
        },
        at='Split("train"',
    ),
    "D206": Exhibit(
        "D206",
        "train: bad 80 %, good 20 %",
        data={"train.jsonl": [{**one, "label": "good" if n < 2 else "bad"} for n, one in enumerate(rows("train"))]},
        at='Split("train"',
    ),
    "D207": Exhibit(
        "D207",
        "dev-4 contains '[MASK]'; it is read as plain text",
        data={
            "dev.jsonl": [
                {**one, "text": one["text"] + " [MASK]" if n == 4 else one["text"]} for n, one in enumerate(rows("dev"))
            ]
        },
        at="yield Task(",
    ),
    # --------------------------------------------------------------------------------------------------- patterns
    "T301-loader": Exhibit(
        "T301",
        "pattern 'it-was' of reviews, column 7: unknown filter 'strp'; did you mean 'strip'?\n"
        "    {text|strp} It was [MASK].\n          ^^^^",
        change={"{text} It was": "{text|strp} It was"},
    ),
    "T301-function": Exhibit(
        "T301",
        "pattern 'it-was' fails on example train-0: ZeroDivisionError: division by zero [HERE:23]",
        change=_function("return [1 / 0, BLANK]"),
        at='PVP("it-was"',
    ),
    "T301-no-list": Exhibit(
        "T301", "pattern 'it-was' gave str, wants a list of parts", change=_function("return 'It was'"), at='PVP("it-was"'
    ),
    "T302": Exhibit(
        "T302",
        "pattern 'it-was' asks for 'txt'; examples have text; did you mean 'text'?",
        change={"{text} It was": "{text} {txt} It was"},
        at='PVP("it-was"',
    ),
    "T302-some": Exhibit(
        "T302",
        "pattern 'it-was' asks for 'who', which 5 of 30 examples lack (first: train-0); add |default=\"…\" if that is meant",
        change={
            "{text} It was": "{who}: {text} It was",
            'fields = {"text": row["text"]}': 'fields = {"text": row["text"]}\n'
            '        fields.update({} if uid.startswith("train") and int(uid[-1]) % 2 == 0 else {"who": "she"})',
        },
        at='PVP("it-was"',
    ),
    "T302-function": Exhibit(
        "T302",
        "pattern 'it-was': example train-0 has no field 'txt' (it has text); did you mean 'text'?",
        change=_function('return [shortenable(ex["txt"]), " ", BLANK]'),
        at='PVP("it-was"',
    ),
    "T303": Exhibit(
        "T303",
        "field 'speaker' is used by no pattern",
        change={'fields = {"text": row["text"]}': 'fields = {"text": row["text"], "speaker": "she"}'},
        at="yield Task(",
    ),
    "T304-loader": Exhibit(
        "T304",
        "pattern 'it-was' of reviews, column 21: a cloze has one blank; this is the second\n"
        "    {text} It [MASK] so [MASK].\n                        ^^^^^^",
        change={"It was [MASK].": "It [MASK] so [MASK]."},
    ),
    "T304-function": Exhibit(
        "T304",
        "kind 'cloze' has one blank; 'it-was' has 2 on train-0",
        change=_function('return [shortenable(ex["text"]), " ", BLANK, " ", BLANK]'),
        at='PVP("it-was"',
    ),
    "T304-no-blank": Exhibit(
        "T304",
        "pattern 'it-was' gave no blank for example train-0; write [MASK]",
        change=_function('return [shortenable(ex["text"])]'),
        at='PVP("it-was"',
    ),
    "T304-gmask": Exhibit(
        "T304",
        "'[gMASK]' stands for the rest of a document; in 'it-was' something follows it",
        change={"It was [MASK].": "It was [gMASK]."},
        at='PVP("it-was"',
    ),
    "T305": Exhibit(
        "T305",
        "'it-was' spends 18 of 32 tokens on fixed words",
        change={"It was [MASK].": "So very long so very long so very long so very long so so it was so [MASK].",
                "MORE = {}": 'MORE = {"recommended": {"max_length": 32}}'},
        at='PVP("it-was"',
    ),
    "T305-does-not-fit": Exhibit(
        "T305",
        "pattern 'it-was' does not fit example train-0: its fixed words and marks take 19 tokens, 15 of --max-length 16 are "
        "left beside the answer; raise --max-length or shorten it",
        change={"It was [MASK].": "So very long so very long so very long so very long it was so [MASK].",
                "MORE = {}": 'MORE = {"recommended": {"max_length": 16}}'},
        at='PVP("it-was"',
        level="error",
    ),
    "T306": Exhibit(
        "T306",
        "'text' is cut in 10 % of dev (median 21 tokens; pattern 'it-was', 80 tokens)",
        change={"MORE = {}": 'MORE = {"recommended": {"max_length": 80}}'},
        data={"dev.jsonl": [{**one, "text": one["text"] + (f" {MANY}" if n == 6 else "")} for n, one in
                            enumerate(rows("dev"))]},
        at='PVP("it-was"',
        level="information",
    ),
    "T306-many": Exhibit(
        "T306",
        "'text' is cut in 30 % of dev (median 21 tokens; pattern 'it-was', 80 tokens)",
        change={"MORE = {}": 'MORE = {"recommended": {"max_length": 80}}'},
        data={"dev.jsonl": [{**one, "text": one["text"] + (f" {MANY}" if n < 3 else "")} for n, one in
                            enumerate(rows("dev"))]},
        at='PVP("it-was"',
        level="warning",
    ),
    "T307": Exhibit(
        "T307",
        "'it-was' and 'again' give the same text on every sample",
        change={'PVP("all", "All in all it was [MASK]: {text}"': 'PVP("again", "{text|tail} It was [MASK]."'},
        at='PVP("again"',
    ),
    "T308": Exhibit(
        "T308",
        "'it-was': two spaces at column 20 of train-0 (and 29 more)",
        change={"{text} It was [MASK]": "{text}.  It was [MASK]"},
        at='PVP("it-was"',
    ),
    "T308-of-the-data": Exhibit(
        "T308",
        "'it-was': two spaces at column 7 of dev-1",
        change={"{text} It was": "It is: {text} It was", "it was [MASK]: {text}": "it was [MASK]: {text|strip}"},
        data={"dev.jsonl": [{**one, "text": (" " if n == 1 else "") + one["text"]} for n, one in enumerate(rows("dev"))]},
        at='PVP("it-was"',
    ),
    "T308-at-the-end": Exhibit(
        "T308",
        "'all': a space at the end at column 45 of train-0 (and 29 more)",
        change={"All in all it was [MASK]: {text}": "All in all it was [MASK]: {text}. "},
        at='PVP("all"',
    ),
    "T310": Exhibit(
        "T310",
        "'[mask]' is plain text; did you mean [MASK]?",
        change={"{text} It was [MASK].": "{text} [mask] It was [MASK]."},
        at='PVP("it-was"',
    ),
    "T310-function": Exhibit(
        "T310",
        "'[MASK]' is plain text; did you mean BLANK?",
        change=_function('return [shortenable(ex["text"]), " [MASK] ", BLANK]'),
        at='PVP("it-was"',
    ),
    # ------------------------------------------------------------------------------------------------------ words
    "V401-loader": Exhibit(
        "V401",
        "task 'reviews': label 'bad' has no words in pattern 'it-was'; did you mean 'sad'?",
        change={'WORDS = {"bad"': 'WORDS = {"sad"'},
    ),
    "V401-function": Exhibit(
        "V401",
        "example train-1: label 'good' has no words in pattern 'it-was' (it knows bad)",
        change={
            '"{text} It was [MASK].", WORDS)': '"{text} It was [MASK].", words)',
            "WORDS = {": 'def words(ex):\n    return [("bad", "poor"), ("bad", "grey")]\n\n\nWORDS = {',
        },
        at='PVP("it-was"',
    ),
    "V402": Exhibit(
        "V402",
        "'joy' and 'Joy' are the same ids here; the labels always tie",
        change={'"poor", "good": "fine"': '"joy",\n    "good": "Joy",\n'},
        at='"good": "Joy"',
    ),
    "V403": Exhibit(
        "V403",
        "'no' begins 'no way'; without an end token it always wins",
        change={
            '"poor", "good": "fine"': '"no", "good": "no way"',
            "It was [MASK].\", WORDS": 'It was [MASK].", WORDS, edges=Edges(end="none")',
            "MORE = {}": 'MORE = {"recommended": {"length_penalty": 1.0}}',
        },
        at="WORDS = {",
    ),
    "V404": Exhibit(
        "V404",
        "'欣喜若狂' has an unknown piece in this vocabulary",
        change={'"fine"': '"欣喜若狂"', "MORE = {}": 'MORE = {"recommended": {"length_penalty": 1.0}}'},
        at="WORDS = {",
    ),
    "V405": Exhibit(
        "V405",
        "'un' + 'happy' tokenizes differently when joined",
        change={"It was [MASK].": "It was un[MASK].", '"poor"': '"happy"', '"fine"': '"great"'},
        at="WORDS = {",
    ),
    "V406": Exhibit(
        "V406",
        "'joy' has 1 token, 'happiness' 2; recommend a length_penalty (1: the mean per token, 0: the sum)",
        change={'"poor", "good": "fine"': '"joy", "good": "happiness"'},
        at="WORDS = {",
    ),
    # ---------------------------------------------------------------------------------------------------- metrics
    "M501": Exhibit(
        "M501",
        "'mean_loss' looks like lower is better; set lower_is_better",
        change=_metric("mean_loss", "return 0.5"),
        at="def mean_loss",
    ),
    "M502": Exhibit(
        "M502",
        "share([]) raised ZeroDivisionError: division by zero",
        change=_metric("share", "return sum(p.label == p.example.label for p in predictions) / len(predictions)"),
        at="def share",
    ),
    "M502-one-class": Exhibit(
        "M502",
        "spread(predictions of one class) raised ZeroDivisionError: division by zero",
        change=_metric("spread", "return 1 / (len({p.example.label for p in predictions}) - 1) if predictions else 0.0"),
        at="def spread",
    ),
    "M502-not-a-number": Exhibit(
        "M502",
        "mean([]) gave nan",
        change=_metric("mean", "return 1.0 if predictions else float('nan')"),
        at="def mean",
    ),
    "M502-infinite": Exhibit(
        "M502",
        "mean([]) gave inf",
        change=_metric("mean", "return 1.0 if predictions else float('inf')"),
        at="def mean",
    ),
    "M503": Exhibit(
        "M503",
        "early changed when the predictions were shuffled",
        change=_metric(
            "early", "return float(sum(p.label == p.example.label for p in predictions[: len(predictions) // 2]))"
        ),
        at="def early",
    ),
    "M504": Exhibit("M504", "f1 returned None", change=_metric("f1", "return None"), at="def f1"),
    "M504-raises": Exhibit(
        "M504",
        "f1 raised KeyError: 'idx'",
        change=_metric("f1", "return sum(p.example.meta['idx'] for p in predictions if len(predictions) > 9)"),
        at="def f1",
    ),
    "M504-groups": Exhibit(
        "M504",
        "question_score is the same without groups, and its name speaks of them; group by prediction.example.unit",
        change=_metric(
            "question_score",
            "return sum(p.label == p.example.label for p in predictions) / len(predictions) if predictions else 0.0",
        ),
        data={"dev.jsonl": [{**one, "group": f"g{n // 2}"} for n, one in enumerate(rows("dev"))]},
        at="def question_score",
    ),
    "B606": Exhibit(
        "B606",
        "PVP 'it-was' holds a lambda and cannot be pickled",
        change={'"{text} It was [MASK].", WORDS)': 'lambda ex: [shortenable(ex["text"]), " ", BLANK], WORDS)'},
        at='PVP("it-was"',
    ),
    "B606-metric": Exhibit(
        "B606",
        "metric 'accuracy' is a lambda and cannot be pickled",
        change={"metrics.accuracy}": "lambda predictions: 0.0}"},
        at='METRICS =',
    ),
    "B606-reader": Exhibit(
        "B606",
        "the reader holds a lambda ('clean') and cannot be pickled",
        change={"    def write(": "    def __init__(self):\n        self.clean = lambda text: text\n\n    def write("},
        at="yield Task(",
    ),
    "B605": Exhibit(
        "B605",
        "submission has 9 rows for 10 examples (missing: test-0)",
        change={"for one in predictions)": "for one in predictions[1:])"},
        at="def write",
    ),
    "B605-raises": Exhibit(
        "B605",
        "write() of test failed: KeyError: 'idx' [HERE:19]",
        change={"one.label for one": "one.example.meta['idx'] for one"},
        at="def write",
    ),
    "B605-not-json": Exhibit(
        "B605",
        "answers.jsonl of test does not read back: line 1 is not JSON",
        change={"""'{"label": "%s"}\\n' %""": """'{label: "%s"}\\n' %"""},
        at="def write",
    ),
    "B605-no-trace": Exhibit(
        "B605",
        "the prediction of test-0 (test) leaves no trace in the submission",
        change={"one.label for one": "split.name for one"},
        at="def write",
    ),
}  # fmt: skip

"""The ids, tables and decoded texts that THUDM/GLM's own tokenizers gave."""

import hashlib
import json
from typing import Any

import pytest

from glm_core.presets import PRESETS
from glm_core.tokens import TokenizerOptions, check_collisions, load_tokenizer
from glm_core.tokens.special import special_table
from tests.shared_files import needs_shared, shared

pytestmark = needs_shared("golden", "superglue", "tokenizer", "bulk_sha1.json")

OPTIONS: dict[str, dict[str, Any]] = {
    "bert-wordpiece": {"kind": "bert-wordpiece"},
    "gpt2-bpe": {"kind": "gpt2-bpe"},
    "roberta-bpe": {"kind": "roberta-bpe"},
    "chinese-sp-fix": {"kind": "chinese-sp"},
    "chinese-sp": {"kind": "chinese-sp", "fix_command_token": False},
}
NAMES = {"ENC": "cls", "MASK": "mask", "gMASK": "document_mask", "sMASK": "sentence_mask", "dBLOCK": "decoder_block"}


@pytest.fixture(scope="module")
def tokenizers():
    return {name: load_tokenizer(shared("vocab"), **options) for name, options in OPTIONS.items()}


def golden(name):
    return json.loads(shared("golden", "superglue", "tokenizer", f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", OPTIONS)
def test_the_table_of_special_tokens_is_the_originals(tokenizers, name):
    told, mine = golden(name), tokenizers[name]
    assert [list(token) for token in mine.table] == [[NAMES.get(n, n), *rest] for n, *rest in told["command_tokens"]]
    assert (mine.n_tokens, mine.vocab_size) == (told["num_tokens"], told["padded_vocab"])


@pytest.mark.parametrize("name", OPTIONS)
def test_every_recorded_text_has_the_recorded_ids_one_by_one(tokenizers, name):
    mine = tokenizers[name]
    for text, ids, _ in golden(name)["cases"]:
        assert mine.encode(text, specials=mine.special_strings).ids == ids, text


@pytest.mark.parametrize("name", OPTIONS)
def test_every_recorded_text_has_the_recorded_ids_all_at_once(tokenizers, name):
    mine, cases = tokenizers[name], golden(name)["cases"]
    together = mine.encode_many([text for text, _, _ in cases], specials=mine.special_strings)
    assert [one.ids for one in together] == [ids for _, ids, _ in cases]


@pytest.mark.parametrize("name", OPTIONS)
def test_ids_are_decoded_as_recorded(tokenizers, name):
    for _, ids, decoded in golden(name)["cases"]:
        assert tokenizers[name].decode(ids) == decoded


@pytest.mark.parametrize("name", OPTIONS)
def test_many_texts_are_encoded_as_one_text_is(tokenizers, name):
    mine = tokenizers[name]
    texts = [text for text, _, _ in golden(name)["cases"]]
    assert mine.encode_many(texts) == [mine.encode(text) for text in texts]


@pytest.mark.parametrize("name", OPTIONS)
def test_every_offset_lies_in_its_text_and_none_goes_back(tokenizers, name):
    mine = tokenizers[name]
    for text, _, _ in golden(name)["cases"]:
        for specials in ((), mine.special_strings):
            offsets = mine.encode(text, specials=specials).offsets
            assert all(0 <= start <= end <= len(text) for start, end in offsets), text
            assert offsets == sorted(offsets, key=lambda pair: pair[0]), text


def strings_of(path):
    """Every string of a file in the order of the record: JSON values depth first, or the cells of a table."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield from strings_in(json.loads(line))


def strings_in(value):
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings_in(inner)


def data_file(recorded):
    """Where a recorded file lies here, or None: the Chinese one and the big parts of ReCoRD are not there."""
    *_, folder, name = recorded.split("/")
    places = [shared("data", "fewglue", "FewGLUE_32dev", folder, name), shared("data", "superglue", folder, name)]
    if name == "lambada_test.jsonl":
        places = [shared("data", "lm", "lambada", name)]
    return next((place for place in places if place.exists()), None)


@pytest.mark.parametrize("name", ["bert-wordpiece", "gpt2-bpe", "roberta-bpe"])
def test_twenty_thousand_real_strings_have_the_recorded_digests(tokenizers, name):
    mine, checked = tokenizers[name], 0
    for recorded, digests in golden("bulk_sha1")["files"].items():
        path = data_file(recorded)
        if path is None or name not in digests:
            continue
        found = mine.encode_many(list(strings_of(path)), specials=mine.special_strings)
        text = "".join(" ".join(map(str, one.ids)) + "\n" for one in found)
        told = digests[name]
        assert (len(found), sum(map(len, found))) == (told["strings"], told["tokens"]), recorded
        assert hashlib.sha1(text.encode()).hexdigest() == told["sha1"], recorded
        checked += 1
    assert checked == 24


@pytest.mark.parametrize("name", ["chinese-sp-fix", "chinese-sp"])
def test_chinese_text_without_special_tokens_has_the_ids_of_the_library_alone(tokenizers, name):
    from sentencepiece import SentencePieceProcessor

    library = SentencePieceProcessor()
    library.Load(str(shared("vocab", "cog-pretrain.model")))
    with shared("data", "chinese", "clue", "afqmc_public", "dev.json").open(encoding="utf-8") as lines:
        texts = [text for _, line in zip(range(500), lines, strict=False) for text in strings_in(json.loads(line))]
    assert [one.ids for one in tokenizers[name].encode_many(texts)] == library.encode(texts)


def test_every_recorded_set_of_options_gives_the_recorded_ids():
    path = shared("golden", "pretrain", "tokenizer_info.json")
    kinds = {"bert": "bert-wordpiece", "gpt2": "gpt2-bpe", "roberta": "roberta-bpe", "chinese": "chinese-sp"}
    for told in json.loads(path.read_text(encoding="utf-8")):
        options = {key.removeprefix("add_"): value for key, value in told["options"].items()}
        mine = load_tokenizer(
            shared("vocab"),
            kind=kinds[told["tokenizer"]],
            task_mask=options.get("task_mask", False),
            decoder_mask=options.get("decoder_mask"),
            fix_command_token=options.get("fix_command_token"),
            sentinels=options.get("sentinel_token"),
        )
        assert {token.name: token.id for token in mine.table} == {
            NAMES.get(n, n.replace("MASK", "mask")): id for n, id in told["ids"].items()
        }
        assert (mine.n_tokens, mine.vocab_size) == (told["num_tokens"], told["padded_vocab"])


@needs_shared("golden", "flagai", "tokenizer.json")
def test_the_chinese_table_follows_flagai_for_any_size_and_any_flags():
    told = json.loads(shared("golden", "flagai", "tokenizer.json").read_text(encoding="utf-8"))
    assert len(told["id_layouts"]) == 32
    for one in told["id_layouts"]:
        options = TokenizerOptions(
            task_mask=one["add_task_mask"],
            decoder_mask=one["add_decoder_mask"],
            fix_command_token=one["fix_command_token"],
        )
        table = special_table("chinese-sp", {}, one["text_vocab"], options, block_symbols=one["add_block_symbols"])
        assert [list(token) for token in table] == [[NAMES.get(n, n), *rest] for n, *rest in one["commands"]]
        ids = [token.id for token in table if token.name != "pad"]
        assert sorted({id for id in ids if ids.count(id) > 1}) == one["ids_that_collide"]


def test_chinese_and_english_pieces_are_those_of_flagais_tests(tokenizers):
    chinese = tokenizers["chinese-sp-fix"]
    found = chinese.encode("今天吃饭吃了肯德基")
    assert found.ids == [3378, 1567, 2613, 20282]
    assert [chinese.token(id) for id in found.ids] == ["▁今天", "吃饭", "吃了", "肯德基"]
    sentence = "fried chicken makes me happy"
    assert tokenizers["bert-wordpiece"].encode(sentence).ids == [13017, 7975, 3084, 2033, 3407]
    assert tokenizers["gpt2-bpe"].encode(sentence).ids == [25520, 9015, 1838, 502, 3772]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_published_checkpoint_has_the_size_and_the_collisions_its_preset_says(preset):
    mine = load_tokenizer(
        shared("vocab"),
        kind=preset.tokenizer,
        task_mask=preset.task_mask,
        fix_command_token=preset.fix_command_token,
    )
    assert (mine.n_tokens, mine.vocab_size) == (preset.n_tokens, preset.config.vocab_size)
    check_collisions(mine.special, known=preset.collisions)
    assert [set(names) for _, names in mine.special.collisions()] == [set(names) for names in preset.collisions]


def test_text_of_the_data_never_becomes_a_special_token(tokenizers):
    for mine in tokenizers.values():
        text = "a [MASK] b [CLS][SEP] [PAD] <|endoftext|><mask> </s> [gMASK] <|startofpiece|>"
        found = set(mine.encode(text).ids)
        assert not found & {token.id for token in mine.table}


def test_bytes_of_one_character_share_its_place(tokenizers):
    assert tokenizers["gpt2-bpe"].encode("北 é").offsets == [(0, 1), (0, 1), (1, 3)]
    assert tokenizers["gpt2-bpe"].token(165) == "<E9>"


def test_pieces_of_one_normalised_character_lie_in_its_place(tokenizers):
    assert tokenizers["chinese-sp-fix"].encode("½…b").offsets[-2:] == [(1, 2), (2, 3)]
    wide = tokenizers["chinese-sp-fix"].encode("x ½")
    assert [tokenizers["chinese-sp-fix"].token(id) for id in wide.ids] == ["▁x", "▁1", "⁄", "2"]
    assert wide.offsets == [(0, 1), (1, 2), (2, 3), (2, 3)]


def test_ids_that_mean_nothing_are_dropped(tokenizers):
    assert tokenizers["gpt2-bpe"].decode([15496, 50300, 11]) == "Hello,"
    assert tokenizers["chinese-sp-fix"].decode([570, 50005, 50047, 570]) == "是 是"
    assert tokenizers["bert-wordpiece"].decode([7592, 30555, 99999, 2088]) == "hello world"
    with pytest.raises(ValueError, match="50304"):
        tokenizers["gpt2-bpe"].decode([50304])
    with pytest.raises(ValueError, match="outside"):
        tokenizers["chinese-sp"].decode([-1])

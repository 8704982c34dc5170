import pickle
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from glm_core.errors import UsageError
from glm_core.tokens import Encoded, SpecialTokens, TokenizerOptions, check_collisions, load_tokenizer
from glm_core.tokens.special import known_collisions, special_table
from tests.core.tokens.small_vocabularies import MERGES, WORDS, byte_pairs, sentencepiece, wordpiece


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return load_tokenizer(wordpiece(tmp_path_factory.mktemp("bert")), task_mask=True)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return load_tokenizer(byte_pairs(tmp_path_factory.mktemp("gpt2")))


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    return load_tokenizer(sentencepiece(tmp_path_factory.mktemp("sp")))


@pytest.fixture(scope="module", params=["bert", "gpt2", "chinese"])
def any_tokenizer(request):
    return request.getfixturevalue(request.param)


# ---- a vocabulary of one's own


def test_special_tokens_are_looked_up_in_a_wordpiece_file_and_the_rest_appended(bert):
    special = bert.special
    assert (special.unk, special.sep, special.cls, special.pad, special.eos, special.mask) == (0, 7, 8, 10, 10, 14)
    assert (special.sop, special.eop, special.document_mask, special.sentence_mask) == (15, 16, 17, 18)
    assert special.strings["pad"] == "[PAD]" and special.strings["document_mask"] == "[gMASK]"
    assert (bert.n_text_tokens, bert.n_tokens, bert.vocab_size) == (15, 19, 128)


def test_words_are_split_greedily_and_glued_again(bert):
    found = bert.encode("The pond, undoing!")
    assert [bert.token(id) for id in found.ids] == ["the", "pond", "[UNK]", "un", "##do", "##ing", "[UNK]"]
    assert found.offsets == [(0, 3), (4, 8), (8, 9), (10, 12), (12, 14), (14, 17), (17, 18)]
    assert bert.decode(found.ids) == "the pond [UNK] undoing [UNK]"


def test_a_wordpiece_vocabulary_with_capitals_keeps_the_case(tmp_path):
    cased = load_tokenizer(wordpiece(tmp_path / "a", [*WORDS, "The"]))
    assert not cased.options.lowercase
    assert [cased.token(id) for id in cased.encode("The the").ids] == ["The", "the"]
    lower = load_tokenizer(tmp_path / "a", lowercase=True)
    assert [lower.token(id) for id in lower.encode("The thé").ids] == ["the", "the"]
    named = load_tokenizer(wordpiece(tmp_path / "b", name="bert-base-cased-vocab.txt"))
    assert named.decode(named.encode("The the").ids) == "[UNK] the"


def test_byte_pairs_carry_the_space_before_a_word(gpt2):
    found = gpt2.encode("he the é ")
    assert [gpt2.token(id) for id in found.ids] == ["he", "▁the", "▁", "é", "▁"]
    assert found.offsets == [(0, 2), (2, 6), (6, 7), (7, 8), (8, 9)]
    assert gpt2.decode(found.ids) == "he the é "


def test_half_a_character_is_shown_as_its_bytes_and_decoded_as_a_replacement(gpt2):
    found = gpt2.encode("北")
    assert [gpt2.token(id) for id in found.ids] == ["<E5>", "<8C>", "<97>"]
    assert found.offsets == [(0, 1)] * 3
    assert gpt2.decode(found.ids) == "北"
    assert gpt2.decode(found.ids[:2]) == "\ufffd"
    assert gpt2.token(gpt2.encode("x\n").ids[1]) == r"\n"


def test_gpt2_ids_follow_the_vocabulary_and_pad_is_its_last_entry(gpt2):
    special = gpt2.special
    assert (special.pad, special.eos, special.sop, special.eop, special.cls, special.mask) == (
        260,
        260,
        261,
        262,
        263,
        264,
    )
    assert (special.sep, special.unk, special.document_mask, special.sentence_mask) == (265, 266, 267, 268)
    assert special.decoder_block is None and special.sentinels == ()
    assert (gpt2.n_tokens, gpt2.vocab_size) == (269, 384)


def test_byte_pairs_without_an_end_of_text_get_one_appended(tmp_path):
    mine = load_tokenizer(byte_pairs(tmp_path, extra=()), task_mask=False)
    assert (mine.n_text_tokens, mine.special.pad, mine.special.sop, mine.n_tokens) == (260, 260, 261, 267)
    assert mine.decode(mine.encode("he<|endoftext|>", specials=mine.special_strings).ids) == "he<|endoftext|>"


def test_sentencepiece_text_begins_after_a_space_that_has_no_place(chinese):
    found = chinese.encode("<n>x")
    assert [chinese.token(id) for id in found.ids] == ["▁", "<n>", "<unk>"]
    assert found.offsets == [(0, 0), (0, 3), (3, 4)]
    assert (chinese.special.pad, chinese.special.mask, chinese.special.sop) == (30, 33, 36)
    assert (chinese.special.sentence_mask, chinese.special.document_mask) == (38, 39)
    assert chinese.decode(chinese.encode("the pond").ids) == "the pond"


# ---- where special tokens are found


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u3000"])
def test_blank_text_has_no_tokens(any_tokenizer, text):
    assert any_tokenizer.encode(text) == Encoded([], [])
    assert any_tokenizer.encode(text, specials=any_tokenizer.special_strings) == Encoded([], [])
    assert any_tokenizer.encode_many([text, "he", text])[2] == Encoded()


def test_special_strings_in_data_are_ordinary_text(any_tokenizer):
    own = {token.id for token in any_tokenizer.table} - {any_tokenizer.special.unk}
    for string in any_tokenizer.special_strings:
        assert not own & set(any_tokenizer.encode(f"he {string} the{string}").ids)


def test_bert_reads_a_plain_mask_as_brackets_and_a_word(bert):
    assert [bert.token(id) for id in bert.encode("[MASK]").ids] == ["[", "mask", "]"]
    assert bert.encode("[MASK]", specials=["[MASK]"]) == Encoded([14], [(0, 6)])


def test_only_the_named_special_tokens_are_found(bert):
    found = bert.encode("[MASK] the [SEP]", specials=("[SEP]",))
    assert [bert.token(id) for id in found.ids] == ["[", "mask", "]", "the", "[SEP]"]
    assert found.offsets == [(0, 1), (1, 5), (5, 6), (7, 10), (11, 16)]


def test_space_before_a_gpt2_mask_disappears_and_space_after_it_stays(gpt2):
    found = gpt2.encode("he  [MASK]  he", specials=gpt2.special_strings)
    assert [gpt2.token(id) for id in found.ids] == ["he", "[MASK]", "▁", "▁", "he"]
    assert found.offsets == [(0, 2), (4, 10), (10, 11), (11, 12), (12, 14)]
    assert gpt2.decode(found.ids) == "he[MASK]  he"


def test_space_around_other_special_tokens_stays(gpt2):
    found = gpt2.encode("[CLS] [CLS][CLS] <|startofpiece|>", specials=gpt2.special_strings)
    assert [gpt2.token(id) for id in found.ids] == ["[CLS]", "▁", "[CLS]", "[CLS]", "▁", "<|startofpiece|>"]


def test_each_piece_between_special_tokens_is_encoded_by_itself(chinese):
    found = chinese.encode("the[CLS]pond", specials=["[CLS]"])
    assert found.ids == [*chinese.encode("the").ids, chinese.special.cls, *chinese.encode("pond").ids]
    assert found.offsets[-1][1] == 12


def test_a_special_string_of_another_vocabulary_is_ordinary_text(gpt2):
    assert gpt2.encode("[PAD]", specials=["[PAD]", "[dBLOCK]"]) == gpt2.encode("[PAD]")


def test_a_misspelt_special_string_is_an_error(gpt2):
    with pytest.raises(UsageError, match=re.escape("'[MASKS]'; did you mean '[MASK]'?")):
        gpt2.encode("he", specials=["[MASKS]"])


def test_many_texts_are_encoded_as_one_is(any_tokenizer):
    texts = ["he the", "", "[MASK] the", " ", "the[CLS]he  [MASK]", "é北"]
    for specials in ((), any_tokenizer.special_strings):
        one_by_one = [any_tokenizer.encode(text, specials=specials) for text in texts]
        assert any_tokenizer.encode_many(texts, specials=specials) == one_by_one
    assert any_tokenizer.encode_many([]) == []


def test_half_a_surrogate_pair_is_a_replacement_character_in_its_place(any_tokenizer):
    broken = "he \ud83d the"
    found = any_tokenizer.encode(broken)
    assert found == any_tokenizer.encode("he \ufffd the")
    assert any_tokenizer.encode_many(["he", broken]) == [any_tokenizer.encode("he"), found]
    with pytest.raises(AttributeError):
        any_tokenizer.encode(None)


def test_where_two_tokens_share_an_id_the_last_defined_is_printed(tmp_path):
    mine = load_tokenizer(sentencepiece(tmp_path), fix_command_token=False)
    assert mine.special.document_mask == mine.special.eop == 37
    assert mine.decode([37]) == mine.token(37) == "[gMASK]"


def test_ids_of_padding_rows_are_dropped_and_ids_beyond_are_an_error(gpt2, bert, chinese):
    assert gpt2.decode([*gpt2.encode("he").ids, 269, 383]) == "he"
    assert gpt2.token(300) == "<300>"
    with pytest.raises(ValueError, match="id 384 is outside this vocabulary of 384"):
        gpt2.decode([384])
    assert chinese.decode([35, 127]) == ""
    assert bert.decode([1, 5000, -1, 2]) == "the pond"


# ---- properties

# letters, accents alone and composed, ideographs, emoji, odd spaces, control characters
LETTERS = "theponZ .,!?'[]<|>\n\t\u00a0\u3000\u200b\u0000éÅß北京ｆ½…İ😀"
ODD = st.lists(st.sampled_from([*LETTERS, "e\u0301", "[MASK]"])).map("".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ODD)
def test_byte_pair_tokens_cover_the_text_and_any_run_of_them_is_its_substring(gpt2, text):
    if text.isspace():
        return
    ids, offsets = gpt2.encode(text).ids, gpt2.encode(text).offsets
    edges = [0, *(end for _, end in offsets)]
    assert edges[-1] == len(text)
    for start, end in zip(range(len(ids)), range(1, len(ids) + 1), strict=True):
        assert offsets[start][0] in (edges[start], edges[start] - 1)  # the next character, or the rest of this one
        whole = "\ufffd" not in gpt2.decode(ids[start:end])
        if whole:
            assert gpt2.decode(ids[start:end]) == text[slice(*offsets[start])]
    assert gpt2.decode(ids) == text


def plain(text):
    """Lower case, no accents, none of what BERT drops."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return "".join(c for c in unicodedata.normalize("NFD", kept.lower()) if unicodedata.category(c) != "Mn")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ODD)
def test_a_word_piece_is_the_substring_of_its_offsets_without_case_and_accents(bert, text):
    found = bert.encode(text)
    for id, (start, end) in zip(found.ids, found.offsets, strict=True):
        if id != bert.special.unk:
            assert plain(text[start:end]) == bert.token(id).removeprefix("##")
        assert end > start
    assert all(a[1] <= b[0] for a, b in zip(found.offsets, found.offsets[1:], strict=False))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ODD)
def test_a_sentencepiece_is_the_normalised_substring_of_its_offsets(chinese, text):
    found = chinese.encode(text)
    for id, (start, end) in zip(found.ids, found.offsets, strict=True):
        source = text[start:end]
        if id != 0 and not set(source) & set("½…"):  # those become several pieces
            said = unicodedata.normalize("NFKC", source.replace("\u200b", " ")).strip()
            assert chinese.token(id).lstrip("▁") == said
    starts = [start for start, _ in found.offsets]
    assert starts == sorted(starts)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(["[MASK]", "[CLS]", "<|endoftext|>", " ", "  ", "he", " the", "\n", "[", "é"])))
def test_special_tokens_are_found_as_by_the_originals_repeated_splitting(gpt2, parts):
    text = "".join(parts)
    found = gpt2.encode(text, specials=gpt2.special_strings)
    assert found.ids == split_again_and_again(gpt2, text)
    for id, (start, end) in zip(found.ids, found.offsets, strict=True):
        assert text[start:end].replace(" ", "▁").replace("\n", r"\n") == gpt2.token(id)


def split_again_and_again(tokenizer, text):
    """Slow and obvious: for each special token in turn, split all that is still text."""
    if not text.strip():
        return []
    pieces = [text]
    for token in tokenizer.table:
        next_pieces = []
        for piece in pieces:
            if not isinstance(piece, str):
                next_pieces.append(piece)
                continue
            *before, last = piece.split(token.string)
            for one in before:
                next_pieces += [one.rstrip() if token.eats_space else one, token]
            next_pieces.append(last)
        pieces = next_pieces
    return [
        id
        for piece in pieces
        if piece
        for id in (tokenizer._encode_plain(piece).ids if isinstance(piece, str) else [piece.id])
    ]


# ---- fingerprints and collisions


def test_fingerprints_are_equal_for_equal_ids_and_differ_for_any_others(tmp_path):
    same = load_tokenizer(wordpiece(tmp_path / "same")).fingerprint
    (wordpiece(tmp_path / "dos") / "vocab.txt").write_bytes("".join(f"{w}\r\n" for w in WORDS).encode())
    assert load_tokenizer(tmp_path / "dos").fingerprint == same
    others = [
        load_tokenizer(wordpiece(tmp_path / "swapped", [WORDS[1], WORDS[0], *WORDS[2:]])),
        load_tokenizer(wordpiece(tmp_path / "longer", [*WORDS, "thaw"])),
        load_tokenizer(tmp_path / "same", task_mask=True),
        load_tokenizer(tmp_path / "same", decoder_mask=True),
        load_tokenizer(tmp_path / "same", sentinels=4),
        load_tokenizer(tmp_path / "same", lowercase=False),
        load_tokenizer(byte_pairs(tmp_path / "pairs")),
        load_tokenizer(byte_pairs(tmp_path / "merges", merges=(MERGES[1], MERGES[0], *MERGES[2:]))),
        load_tokenizer(sentencepiece(tmp_path / "sp")),
        load_tokenizer(sentencepiece(tmp_path / "sp"), fix_command_token=False),
    ]
    assert len({same, *(one.fingerprint for one in others)}) == 11


def test_fingerprints_are_the_same_in_another_process(bert, tmp_path):
    where = str(wordpiece(tmp_path))
    code = f"import glm_core.tokens as t; print(t.load_tokenizer({where!r}, task_mask=True).fingerprint)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == bert.fingerprint
    )


def test_a_tokenizer_travels_to_another_process(any_tokenizer):
    again = pickle.loads(pickle.dumps(any_tokenizer))
    text = "he [MASK] the"
    assert again.encode(text, specials=["[MASK]"]) == any_tokenizer.encode(text, specials=["[MASK]"])
    assert again.fingerprint == any_tokenizer.fingerprint


def test_sentinels_come_in_pairs_after_everything_else(tmp_path):
    mine = load_tokenizer(wordpiece(tmp_path), sentinels=3, task_mask=True)
    assert mine.special.sentinels == ((19, 20), (21, 22))
    assert mine.decode([19, 22]) == "[MASK1] <|startofpiece2|>"
    assert mine.encode("[MASK2]", specials=mine.special_strings).ids == [21]
    assert mine.n_tokens == 23


def test_pad_being_eos_is_no_collision_and_others_are_named(tmp_path):
    mine = load_tokenizer(sentencepiece(tmp_path), fix_command_token=False)
    assert mine.special.pad == mine.special.eos
    assert mine.special.collisions() == [(37, ("eop", "document_mask"))]
    with pytest.raises(UsageError, match=re.escape("37 is <|endofpiece|> and [gMASK]")):
        check_collisions(mine.special)
    check_collisions(mine.special, known=[("document_mask", "eop")])


def test_a_collision_that_no_published_model_has_is_refused(tmp_path):
    with pytest.raises(UsageError, match=re.escape("37 is <|endofpiece|> and [dBLOCK]")):
        load_tokenizer(sentencepiece(tmp_path), fix_command_token=False, task_mask=False, decoder_mask=True)


def test_special_tokens_can_be_written_by_hand():
    special = SpecialTokens(cls=1, eos=2, pad=2, sop=3, eop=4, mask=5, unk=0, sep=6)
    assert special.collisions() == [] and special.document_mask is None
    assert special.strings["mask"] == "[MASK]"
    assert hash(special) == hash(SpecialTokens(cls=1, eos=2, pad=2, sop=3, eop=4, mask=5, unk=0, sep=6))
    mixed = SpecialTokens(cls=1, eos=2, pad=2, sop=3, eop=3, mask=5, unk=0, sep=2, sentinels=((5, 9),))
    assert mixed.collisions() == [(2, ("eos", "pad", "sep")), (3, ("sop", "eop")), (5, ("mask", "mask1"))]


def test_a_table_without_blanks_makes_no_tokenizer():
    table = special_table("gpt2-bpe", {"<|endoftext|>": 3}, 4, TokenizerOptions(), block_symbols=False)
    assert [tuple(token) for token in table] == [("pad", "<|endoftext|>", 3, False), ("eos", "<|endoftext|>", 3, False)]
    with pytest.raises(UsageError, match="cls, sop, eop, mask, unk, sep"):
        SpecialTokens.from_table(table)


def test_known_collisions_are_those_of_the_published_checkpoints():
    assert known_collisions("gpt2-bpe", TokenizerOptions()) == ()
    assert known_collisions("chinese-sp", TokenizerOptions()) == ()
    assert known_collisions("chinese-sp", TokenizerOptions(fix_command_token=False)) == (("eop", "document_mask"),)


def test_sentinels_and_unknown_kinds_are_refused_where_they_do_not_exist():
    with pytest.raises(UsageError, match="bert-wordpiece only"):
        special_table("gpt2-bpe", {}, 4, TokenizerOptions(sentinels=3))
    with pytest.raises(UsageError, match="unknown kind"):
        special_table("t5", {}, 4, TokenizerOptions())


def test_importing_the_room_loads_neither_torch_nor_numpy_nor_a_tokenizer_library():
    heavy = {"torch", "numpy", "tokenizers", "sentencepiece"}
    code = f"import sys, glm_core.tokens; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"

import json
from pathlib import Path

import pyarrow as pa
import pytest

from rapo.relabelling import chat, goals, placement, relabel
from rapo.relabelling.chat import ChatTemplate

LOOP = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
# The shapes of templates in use, each in a line or two of our own.
TEMPLATES: dict[str, tuple[str, str]] = {
    "a system turn of its own": ("system", LOOP),
    "a system block within the first user turn": (
        "system",
        "{% if messages[0].role == 'system' %}[user] <<SYS>> {{ messages[0].content }} <</SYS>> "
        "{{ messages[1].content }}{% else %}[user] {{ messages[0].content }}{% endif %}",
    ),
    "a default system text that a system turn replaces": (
        "system",
        "{% if messages[0].role != 'system' %}[system] be nice\n{% endif %}" + LOOP,
    ),
    "it raises": ("prefix", "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + LOOP),
    "it fails on alternation": (
        "prefix",
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('alternate') }}{% endif %}{{ m.content }}{% endfor %}",
    ),
    "it drops the system turn silently": (
        "prefix",
        "{% for m in messages if m.role != 'system' %}[{{ m.role }}] {{ m.content }}{% endfor %}",
    ),
    "it folds the system turn into the user turn": (
        "prefix",
        "{% if messages[0].role == 'system' %}[I] {{ messages[0].content }}\n\n{{ messages[1].content }} [/I]"
        "{% else %}[I] {{ messages[0].content }} [/I]{% endif %}",
    ),
    "it puts the system turn last": (
        "prefix",
        "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %} {{ messages[0].content }}",
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_placement_is_read_off_the_rendered_template(name: str):
    expected, text = TEMPLATES[name]
    assert chat.placement(ChatTemplate(text)) == expected


def test_a_tokenizer_without_a_template_is_told():
    with pytest.raises(ValueError, match="ChatTemplate has no chat template; set"):
        chat.placement(ChatTemplate(""))


def test_a_template_that_refuses_a_plain_question_is_told():
    with pytest.raises(ValueError, match="refuses a plain question: never"):
        chat.placement(ChatTemplate("{{ raise_exception('never') }}"))


def test_a_saved_template_is_read_without_transformers(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no tokenizer_config\.json"):
        ChatTemplate.load(tmp_path)
    config = {"chat_template": LOOP, "bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert ChatTemplate.load(tmp_path) == ChatTemplate(LOOP, {"bos_token": "<s>", "eos_token": "</s>"})
    (tmp_path / "chat_template.jinja").write_text("own " + LOOP, encoding="utf-8")
    assert ChatTemplate.load(tmp_path).chat_template == "own " + LOOP


def test_a_saved_list_of_templates_gives_its_default(tmp_path: Path):
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}), encoding="utf-8")
    assert ChatTemplate.load(tmp_path).chat_template == "d"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(ValueError, match="has no chat template"):
        ChatTemplate.load(tmp_path)


def test_tokens_are_not_faked():
    with pytest.raises(ValueError, match="renders text only"):
        ChatTemplate(LOOP).apply_chat_template([], tokenize=True)


RENDERED = [
    "{%- for m in messages -%}\n  {%- generation -%} {{ m.content }} {%- endgeneration -%}\n{%- endfor -%}",
    "{% if tools is not none %}tools{% endif %}{{ messages | tojson }}{{ bos_token }}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    *[text for _, text in TEMPLATES.values()],
    *[example.chat_template for example in chat.EXAMPLES.values()],
]


def test_rendering_agrees_with_transformers():
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<s>": 0, "<unk>": 1}, unk_token="<unk>"))
    talk = [
        {"role": "user", "content": "hé <b>"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "q"},
    ]
    for text in RENDERED:
        theirs = transformers.PreTrainedTokenizerFast(
            tokenizer_object=backend, bos_token="<s>", chat_template=text
        )
        ours = ChatTemplate(text, {"bos_token": "<s>"})
        for end in (True, False):
            expected = theirs.apply_chat_template(talk, tokenize=False, add_generation_prompt=end)
            assert ours.apply_chat_template(talk, add_generation_prompt=end) == expected
        assert chat.placement(theirs) == chat.placement(ours)


def test_a_row_is_shown_as_the_model_reads_it():
    row = {
        "prompt": placement.put([{"role": "user", "content": "2 + 2 ?"}], "aim high", placement="prefix"),
        "chosen": [{"role": "assistant", "content": "4"}],
        "rejected": [{"role": "assistant", "content": "5"}],
    }
    assert chat.show(row, chat.EXAMPLES["no system role"]) == (
        "--- prompt ---\n<bos><start_of_turn>user\naim high\n\n2 + 2 ?<end_of_turn>\n<start_of_turn>model\n"
        "--- chosen ---\n4\n--- rejected ---\n5"
    )


def test_both_rows_of_a_pair_are_shown():
    row = {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 9.0, "score_rejected": 2.0}
    rows = relabel.relabel(pa.Table.from_pylist([row]), template=goals.COMPACT)
    text = chat.show_pair(rows, "row-1", chat.EXAMPLES["system role"])
    first, second = text.split("\n\n")
    assert first.startswith("===== goal 9, the score of the chosen response =====")
    assert "overall score : 2 ." in second
    assert second.endswith("--- chosen ---\nb\n--- rejected ---\na")
    with pytest.raises(ValueError, match="no row is made of pair 'row-2'"):
        chat.show_pair(rows, "row-2", chat.EXAMPLES["system role"])

"""The ways to score log-probabilities that bench_logprobs.py compares: rapo's, TRL's, transformers' and vLLM's.

Each takes a tokenizer, a loaded model and rows, prepares, and returns what is timed: a call that gives the sums of both
responses of every row, in nats.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def rapo_scores(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """Everything, from rows to sums: tokens, the model's hash, the forward passes."""
    import pyarrow as pa

    from rapo.scoring.score import score, sums

    table = pa.Table.from_pylist(data)
    return lambda: sums(score(table, model, tokenizer=tokenizer, cache=False).table).tolist()


def rapo_passes(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """The forward passes alone, as TRL's head is measured: rows are tokenised beforehand, and no hash is taken."""
    from rapo.scoring import sequences
    from rapo.scoring.lm_head import logprobs_of

    budget, head = sequences.budget_of(str(model.device)), logprobs_of(model)
    made = [
        sequences.Completion([*row["prompt_ids"], *row[side]], len(row["prompt_ids"]))
        for row in token_ids(tokenizer, data)
        for side in ("chosen_ids", "rejected_ids")
    ]
    return lambda: sequences.logprob_sums(model, head, made, budget=budget).reshape(-1, 2).tolist()


def token_ids(tokenizer: Any, data: list[dict[str, Any]]) -> list[dict[str, list[int]]]:
    """Rows as TRL's collator takes them."""
    import pyarrow as pa

    from rapo.scoring import tokens

    found = tokens.tokenise(tokenizer, tokens.texts(pa.Table.from_pylist(data)).to_pylist())
    return [dict(zip(found, ids, strict=True)) for ids in zip(*found.values(), strict=True)]


def batches(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """TRL's batches, of its default size of 8 pairs, where the model is."""
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    ids, collate = token_ids(tokenizer, data), DataCollatorForPreference(pad_token_id=0)
    made = [collate(ids[start : start + 8]) for start in range(0, len(ids), 8)]
    return [{name: held.to(model.device) for name, held in batch.items()} for batch in made]


def trl_fused(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """TRL's head at its best: rows are tokenised and batched beforehand, log-probabilities are all it computes."""
    import torch
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model)
    prepared = batches(tokenizer, model, data)

    @torch.no_grad()
    def call() -> Any:
        pairs = []
        for batch in prepared:
            labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
            inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
            sums = model(**inputs, labels=labels, fused_lm_head=True).log_probs.sum(1)
            pairs += torch.stack(sums.chunk(2), 1).tolist()
        return pairs

    return call


def trl_precompute(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """What a user of TRL does: a trainer that computes its reference log-probabilities beforehand."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    def call() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            arguments = DPOConfig(
                folder,
                use_cpu=model.device.type == "cpu",
                bf16=False,
                report_to="none",
                precompute_ref_log_probs=True,
                max_length=None,
            )
            trainer = DPOTrainer(
                model, args=arguments, train_dataset=Dataset.from_list(data), processing_class=tokenizer
            )
            names = ("ref_chosen_logps", "ref_rejected_logps")
            return [list(pair) for pair in zip(*(trainer.train_dataset[name] for name in names), strict=True)]

    return call


def full_log_softmax(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """All logits of a batch, their log_softmax, and what is needed of it."""
    import torch

    prepared = batches(tokenizer, model, data)

    @torch.no_grad()
    def call() -> Any:
        pairs = []
        for batch in prepared:
            inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
            logprobs = model(**inputs).logits[:, :-1].log_softmax(-1)
            picked = logprobs.gather(2, batch["input_ids"][:, 1:, None])[..., 0]
            sums = (picked * batch["completion_mask"][:, 1:]).sum(1)
            pairs += torch.stack(sums.chunk(2), 1).tolist()
        return pairs

    return call


def trainer_predict(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """`Trainer.predict`, which returns every logit."""
    import numpy as np
    from datasets import Dataset
    from scipy.special import log_softmax
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    few = token_ids(tokenizer, data)
    made = [
        {"input_ids": row["prompt_ids"] + row[side], "labels": [-100] * len(row["prompt_ids"]) + row[side]}
        for row in few
        for side in ("chosen_ids", "rejected_ids")
    ]
    on_cpu = model.device.type == "cpu"
    arguments = TrainingArguments(tempfile.mkdtemp(), use_cpu=on_cpu, report_to="none", disable_tqdm=True)
    collate = DataCollatorForSeq2Seq(tokenizer, model=None)
    trainer = Trainer(model, arguments, data_collator=collate)

    def call() -> Any:
        found = trainer.predict(Dataset.from_list(made))
        sums = []
        for logits, labels in zip(found.predictions, found.label_ids, strict=True):
            places = np.flatnonzero(labels[1:] >= 0)
            sums.append(
                log_softmax(logits[places], axis=-1)[np.arange(len(places)), labels[1:][places]].sum().item()
            )
        return [sums[i : i + 2] for i in range(0, len(sums), 2)]

    return call


def vllm_prompt_logprobs(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """vLLM's log-probabilities of prompts, of which the responses' are summed. It takes the model from a folder."""
    import torch
    from vllm import LLM, SamplingParams

    made = [
        (row["prompt_ids"], row[side])
        for row in token_ids(tokenizer, data)
        for side in ("chosen_ids", "rejected_ids")
    ]
    prompts = [{"prompt_token_ids": [*prompt, *response]} for prompt, response in made]
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder))
        dtype = str(model.dtype).removeprefix("torch.")
        model.to("meta")  # its memory is vLLM's now
        torch.cuda.empty_cache()
        engine = LLM(
            model=folder,
            skip_tokenizer_init=True,
            dtype=dtype,
            max_model_len=4096,
            enable_prefix_caching=False,  # cached prompts have no log-probabilities
            gpu_memory_utilization=0.8,
        )
    asked = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0, detokenize=False)

    def call() -> Any:
        sums = []
        for (prompt, response), found in zip(made, engine.generate(prompts, asked), strict=True):
            tops = found.prompt_logprobs[len(prompt) :]
            sums.append(sum(top[token].logprob for top, token in zip(tops, response, strict=True)))
        return [sums[at : at + 2] for at in range(0, len(sums), 2)]

    return call


METHODS: dict[str, Callable[[Any, Any, list[dict[str, Any]]], Callable[[], Any]]] = {
    "rapo": rapo_scores,
    "rapo, passes alone": rapo_passes,
    "TRL fused head": trl_fused,
    "TRL precompute": trl_precompute,
    "full log_softmax": full_log_softmax,
    "Trainer.predict": trainer_predict,
    "vLLM": vllm_prompt_logprobs,
}

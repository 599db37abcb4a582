"""TRL's DPOTrainer on rows that were scored beforehand: no reference model, no forward pass before the first step.

    rapo score pairs.parquet --model BASE --trl --max-length 1024 --out scored.parquet

    from rapo.training.scored import ScoredDPOTrainer
    rows = load_dataset("parquet", data_files="scored.parquet", split="train")
    ScoredDPOTrainer(base, args=DPOConfig(...), train_dataset=rows, processing_class=tokenizer).train()

Losses, order of the rows and random state are those of TRL's trainer with a reference model in memory. (TRL's own
precomputing moves the random state, trl#7083, and refuses data that hold its columns already, trl#3985.)
Importing this imports TRL (seconds).
"""

import copy
import logging
from collections.abc import Callable, Iterator
from typing import Any

from trl import DPOConfig, DPOTrainer

from rapo.scoring import binding
from rapo.scoring.tokens import PAIR

_log = logging.getLogger(__name__)
_PLACE = "rapo_place"  # a row's number, carried through TRL's preparation, which may drop rows


class ScoredDPOTrainer(DPOTrainer):
    """TRL's DPOTrainer, its reference log-probabilities taken from the rows and held against model, words and rows.

    Attributes:
        dropped: of each data set ("train", "eval", or an evaluation set's own name) the pair ids that TRL left out,
            since their prompt alone fills max_length.
    """

    def __init__(
        self,
        model: Any,
        *,
        args: DPOConfig,
        train_dataset: Any,
        eval_dataset: Any = None,
        processing_class: Any = None,
        data_collator: Any = None,
        compute_metrics: Callable[..., dict[str, Any]] | None = None,
        callbacks: list[Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        quantization_config: Any = None,
        peft_config: Any = None,
    ) -> None:
        """Check everything that can be checked, then build TRL's trainer.

        Args:
            model: what the rows were scored with: a causal LM (a new adapter may go on it through ``peft_config``),
                or its folder or hub's id.
            args: as TRL takes them; left as they are. ``precompute_ref_log_probs`` need not be set.
            train_dataset: prompt, chosen, rejected with the columns that `rapo score --trl` adds. Rows may be left
                out and put in any order.
            eval_dataset: the same for evaluation, or several by name.
            processing_class, data_collator, compute_metrics, callbacks, optimizers, quantization_config, peft_config:
                TRL's own.

        Raises:
            ValueError: rows lack their scores, or were scored by another model, precision, tokenizer, chat template
                or max_length, or belong to other rows or words; or the arguments ask for what sums of whole responses
                cannot serve. The message names row, value and remedy.
        """
        _check_arguments(model, args, peft_config)
        self.dropped: dict[str, list[Any]] = {}
        self._is_named, self._max_length = isinstance(model, str), args.max_length
        own = copy.copy(args)
        own.precompute_ref_log_probs = True  # TRL's word for "the columns hold the reference, load none"
        here = binding.origin(max_length=args.max_length, model=None if self._is_named else model)
        for name, data in _named(train_dataset, eval_dataset):
            binding.check_origin(_rows(data, name), here, name=name)
        super().__init__(
            model,
            args=own,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            data_collator=data_collator,
            compute_metrics=compute_metrics,
            callbacks=callbacks,
            optimizers=optimizers,
            quantization_config=quantization_config,
            peft_config=peft_config,
        )

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        """TRL's preparation; then the rows that are left are held against their scores."""
        words = getattr(processing_class, "tokenizer", processing_class)
        here = binding.origin(max_length=args.max_length, tokenizer=words)
        binding.check_origin(_rows(dataset, dataset_name), here, name=dataset_name)
        placed = dataset.add_column(_PLACE, list(range(len(dataset))))
        ready = super()._prepare_dataset(placed, processing_class, args, dataset_name)
        places, ready = ready[_PLACE][:], ready.remove_columns(_PLACE)
        self._tell_dropped(dataset, places, args.max_length, dataset_name)
        ids = {name: ready[name][:] for name in ("prompt_ids", *(f"{side}_ids" for side in PAIR))}
        rows = _rows(ready, dataset_name)
        binding.check_rows(rows, ids, places=places, max_length=args.max_length, name=dataset_name)
        return ready

    def _tell_dropped(self, dataset: Any, places: list[int], max_length: int | None, name: str) -> None:
        """Count the rows that TRL left out; a ValueError where none is left."""
        kept = set(places)
        gone = [pair for place, pair in enumerate(dataset["pair_id"][:]) if place not in kept]
        self.dropped[name] = gone
        if not gone:
            return
        told = f"{name}: the prompt alone fills max_length={max_length} in {len(gone)} of {len(dataset)} rows"
        if not kept:
            raise ValueError(f"{told}; raise max_length, and score again")
        _log.warning("%s; TRL leaves them out: %s", told, gone[:5])

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """The rows as they are. A model that was given by its name can be looked at now."""
        if self._is_named:
            here = binding.origin(max_length=self._max_length, model=self.model)
            binding.check_origin(_rows(dataset, name), here, name=name)
        return dataset


def _check_arguments(model: Any, args: DPOConfig, peft_config: Any) -> None:
    """Refuse what sums of whole responses, cut from their end, cannot serve."""
    if args.ld_alpha is not None:
        raise ValueError(
            f"ld_alpha is {args.ld_alpha}: it weighs tokens before they are summed; train with DPOTrainer"
        )
    if args.truncation_mode != "keep_start":
        raise ValueError(
            f"truncation_mode is {args.truncation_mode!r}, but rows are scored with 'keep_start'; set that"
        )
    if args.sync_ref_model:
        raise ValueError(
            "sync_ref_model moves the reference while training; set it to False, or train with DPOTrainer"
        )
    if isinstance(model, str) and peft_config is not None:
        raise ValueError(
            f"load {model} first (from_pretrained), so that it is compared before the adapter goes on it"
        )
    if args.deepspeed_plugin is not None and args.deepspeed_plugin.zero_stage == 3:
        raise ValueError("ZeRO stage 3 shards the weights before they can be compared; use stage 2")


def _named(train: Any, evaluation: Any) -> Iterator[tuple[str, Any]]:
    """Every data set by the name that TRL gives it."""
    yield "train", train
    if isinstance(evaluation, dict):
        yield from evaluation.items()
    elif evaluation is not None:
        yield "eval", evaluation


def _rows(dataset: Any, name: str) -> list[dict[str, Any]]:
    """What binds the rows to their scores, row by row."""
    if not hasattr(dataset, "select_columns") or not hasattr(dataset, "__len__"):
        raise ValueError(
            f"{name} is a {type(dataset).__name__}; give a datasets.Dataset, whose rows can be counted"
        )
    wanted = [column for column in ("pair_id", *binding.COLUMNS) if column in dataset.column_names]
    rows: list[dict[str, Any]] = dataset.select_columns(wanted).to_list()
    return rows or [{}] * len(dataset)

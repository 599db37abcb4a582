"""What training will see: rows that TRL would drop or cut, and what the chat template does to texts.

Rows are tokenised by `rapo.scoring.tokens`, the rule that TRL follows. Of more rows than were asked for, those are
looked at whose number has the smallest hash: a sample that no order of the rows can bias.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapo.inspection import finding, lengths
from rapo.inspection.batch import Batch
from rapo.inspection.finding import ANY, NEVER, Example, Finding, Picture, percent
from rapo.inspection.rendered import Rendered
from rapo.inspection.words import mix
from rapo.pairs.faults import several
from rapo.pairs.schema import TEXTS

GROUP = "preview"
ROWS = 5_000
DROPPED = (ANY, 0.01, 0.05)
CUT = (0.01, 0.1, 0.3)
SHIFTED = (NEVER, ANY, 0.5)
PREFIXED = (ANY, NEVER, NEVER)
LOST = (NEVER, ANY, 0.1)
EMPTY = (NEVER, ANY, 0.01)
REFUSED = (NEVER, NEVER, ANY)


class Preview:
    """Tokenises a sample of the rows.

    Args:
        tokenizer: as `rapo.scoring.tokens.tokenise` takes it.
        max_length: tokens of prompt and response that training keeps; None keeps all.
        rows: how many rows to look at; 0 for all.
        source: how the data are called on the command line.
    """

    def __init__(self, tokenizer: Any, *, max_length: int | None, rows: int = ROWS, source: str) -> None:
        self._tokenizer, self._max, self._rows, self._source = tokenizer, max_length, rows, source
        self._held: list[tuple[NDArray[np.uint64], NDArray[np.int64], pa.Table]] = []
        self._n = 0
        self._seen = Rendered(tokenizer)

    def update(self, batch: Batch) -> None:
        """Keep the rows that belong to the sample so far; or look at them at once where all are asked for."""
        from rapo.scoring import tokens

        if not batch.plain:
            tokens.check_template(self._tokenizer, batch.name)
        self._n += len(batch)
        table = _texts(batch)
        if not self._rows:
            self._seen.look(table, batch.positions)
            return
        self._held.append((mix(batch.positions.astype(np.uint64)), batch.positions, table))
        if sum(len(rows) for rows, *_ in self._held) > 2 * self._rows + len(batch):
            self._held = [self._smallest()]

    def _smallest(self) -> tuple[NDArray[np.uint64], NDArray[np.int64], pa.Table]:
        keys, positions = (np.concatenate([part[place] for part in self._held]) for place in (0, 1))
        keep = np.sort(np.argsort(keys, kind="stable")[: self._rows])
        table = pa.concat_tables([part[2] for part in self._held]).take(pa.array(keep))
        return keys[keep], positions[keep], table.combine_chunks()

    def finish(self) -> list[Finding]:
        """Tokenise the sample and tell."""
        if self._held:
            _, positions, table = self._smallest()
            self._held = []
            self._seen.look(table, positions)
        seen = self._seen
        n = len(seen.positions) + len(seen.refused)
        found = [self._refused(n), *self._template_findings(len(seen.positions)), *self._length_findings()]
        chosen, rejected = (np.array(counts, float) for counts in (seen.chosen, seen.rejected))
        margin, rows = np.array(seen.margin, float), np.array(seen.positions, np.int64)
        return [*found, *lengths.findings(chosen, rejected, margin, rows, unit="tokens")]

    def _of(self) -> str:
        n = len(self._seen.positions) + len(self._seen.refused)
        return "" if n == self._n else f" (a sample of {several(n, 'rows')})"

    def _refused(self, n: int) -> Finding:
        found = self._seen.refused
        return finding.share(
            "refused-by-template",
            GROUP,
            f"the tokenizer or its chat template refuses {percent(len(found), n)} of the rows{self._of()}",
            count=len(found),
            n=n,
            bounds=REFUSED,
            examples=found,
            advice="training stops at such a row: move a system turn into the user's, or mend the template",
        )

    def _template_findings(self, n: int) -> Iterator[Finding]:
        seen, of = self._seen, self._of()
        kinds = (
            (
                "prompt-is-no-prefix",
                SHIFTED,
                seen.shifted,
                "the prompt as a model is asked it is no beginning of prompt and response; TRL then trains on another "
                "context",
                "use a template that writes the prompt alike with and without an answer (look for <think> in it)",
            ),
            (
                "template-begins-the-response",
                PREFIXED,
                seen.prefixed,
                "the template puts text that is not in the data in front of a response, and training teaches it",
                "where you do not want it, change the template, or pass chat_template_kwargs, as enable_thinking",
            ),
            (
                "text-lost-by-template",
                LOST,
                seen.lost,
                "the template leaves out or changes the text of a turn",
                "compare the examples with the rendered text; thoughts in earlier turns and system turns go most often",
            ),
            (
                "empty-after-template",
                EMPTY,
                seen.empty,
                "nothing but special tokens is left of a response",
                "remove these pairs",
            ),
        )
        for name, bounds, found, told, advice in kinds:
            count = len({example.position for example in found})
            yield finding.share(
                name,
                GROUP,
                f"in {percent(count, n)} of the rows{of} {told}",
                count=count,
                n=n,
                bounds=bounds,
                examples=found,
                advice=advice,
            )

    def _length_findings(self) -> list[Finding]:
        """Rows dropped and cut at `max_length`."""
        seen, of = self._seen, self._of()
        prompt = np.array(seen.prompt, np.int64)
        sides = np.stack([np.array(seen.chosen, np.int64), np.array(seen.rejected, np.int64)])
        longest = (prompt + sides).max(axis=0) if len(prompt) else prompt
        enough = int(np.ceil(np.quantile(longest, 0.99) / 64) * 64) if len(longest) else 0
        if self._max is None:
            told = f"99 % of the rows{of} fit into {enough:,} tokens, all into {longest.max(initial=0):,}"
            return [Finding("token-lengths", GROUP, "ok", told, len(longest), len(longest))]
        dropped = prompt >= self._max
        over = np.maximum(prompt + sides - self._max, 0)[:, ~dropped]
        cut = (over > 0).any(axis=0)
        rows = np.array(seen.positions, np.int64)
        total, lost = int(sides[:, ~dropped].sum()), int(over.sum())
        advice = f"trl dpo ... --max_length {enough} keeps 99 % of the rows whole"
        return [
            finding.share(
                "dropped-by-max-length",
                GROUP,
                f"TRL would drop {percent(int(dropped.sum()), len(prompt))} of the rows{of} without an error: their "
                f"prompt alone has {self._max:,} tokens or more",
                count=int(dropped.sum()),
                n=len(prompt),
                bounds=DROPPED,
                examples=[
                    Example(int(rows[i]), "prompt", f"{prompt[i]:,} tokens") for i in np.flatnonzero(dropped)[:3]
                ],
                advice=advice,
            ),
            finding.share(
                "cut-by-max-length",
                GROUP,
                f"{percent(int(cut.sum()), len(cut))} of the rows{of} that are kept lose the end of a response: "
                f"{lost:,} of {total:,} response tokens ({percent(lost, total)})",
                count=int(cut.sum()),
                n=len(cut),
                bounds=CUT,
                examples=[
                    Example(
                        int(rows[~dropped][i]), "chosen", f"loses {over[0, i]:,} tokens, rejected {over[1, i]:,}"
                    )
                    for i in np.flatnonzero(cut)[:3]
                ],
                advice=advice,
                data={"tokens_lost": lost, "tokens": total},
            ),
        ]

    def pictures(self) -> list[Picture]:
        """Tokens of prompt and the longer response."""
        seen = self._seen
        if not seen.prompt:
            return []
        longest = np.array(seen.prompt) + np.maximum(seen.chosen, seen.rejected)
        edges = [0, *(2**power for power in range(5, 18))]
        last = int(np.searchsorted(edges, longest.max(), side="left")) + 1
        edges = edges[: max(last, 3)]
        bars = np.searchsorted(edges[1:-1], longest, side="left")  # "up to" an edge holds the edge
        counts = np.bincount(bars, minlength=len(edges) - 1).tolist()
        labels = tuple(f"{edge:,}" for edge in edges[1:])
        return [
            Picture(
                GROUP, "Tokens of prompt and longer response (up to)", "tokens", labels, {"rows": tuple(counts)}
            )
        ]


def _texts(batch: Batch) -> pa.Table:
    """Prompt, responses and margin of a batch, as strings where the source has strings."""
    columns: dict[str, pa.Array] = {column: batch.table[column] for column in TEXTS}
    if batch.plain:
        columns = {column: batch.turns[column].contents for column in TEXTS}
    return pa.table({**columns, "margin": batch.margin})

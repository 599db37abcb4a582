"""What judging costs: counted beforehand without asking, and afterwards from what the server told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapo.judging.server import Replies

PER_TOKEN = 4  # characters, about, of English text


@dataclass(frozen=True)
class Prices:
    """Prices of a million tokens, in any currency; None where not known.

    Attributes:
        read, written: of tokens that the judge reads and writes.
    """

    read: float | None = None
    written: float | None = None

    def of(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """Price of so many tokens.

        >>> Prices(10.0, 30.0).of(200_000, 1_000)
        2.03
        """
        if tokens_in is None or tokens_out is None or self.read is None or self.written is None:
            return None
        return (tokens_in * self.read + tokens_out * self.written) / 1e6


@dataclass(frozen=True)
class Cost:
    """What judging took. Tokens and price count every item, kept answers too: what it costs from nothing.

    Attributes:
        n_items: pairs, each judged in both orders, or answers.
        n_asked: requests that went to the server this time; the others were kept on disk.
        n_failed: requests that got no answer.
        n_unreadable: answers that say nothing clearly.
        tokens_in, tokens_out: tokens read and written; None where the server does not tell them.
        price: of them; None where tokens or prices are not known.
        paid: of the requests that went out this time.
        why: what the first failed request, or unreadable answer, says; "" where there is none.
    """

    n_items: int
    n_asked: int
    n_failed: int
    n_unreadable: int
    tokens_in: int | None
    tokens_out: int | None
    price: float | None
    paid: float | None
    why: str = ""

    @property
    def price_per_1000(self) -> float | None:
        """Price of a thousand items."""
        return None if self.price is None else self.price / self.n_items * 1000


@dataclass(frozen=True)
class Estimate:
    """What judging will take at most, counted without a server.

    Attributes:
        n_requests: different requests; n_kept of them are answered already.
        n_kept: answers on disk.
        tokens_in: that the others will read, one for four characters: a rough guess for languages other than English.
        tokens_out: that the others may write at most.
        price: of these tokens; None where prices are not known.
    """

    n_requests: int
    n_kept: int
    tokens_in: int
    tokens_out: int | None
    price: float | None

    def line(self, *, prices: str) -> str:
        """The same for people; ``prices`` are the options that give prices."""
        written = "?" if self.tokens_out is None else f"{self.tokens_out:,}"
        price = f"not known: say {prices}" if self.price is None else f"{self.price:.4g}"
        return (
            f"{self.n_requests:,} requests, {self.n_kept:,} answered already. The others read about {self.tokens_in:,} "
            f"tokens and write at most {written}; price {price}. Nothing was asked"
        )


def cost(replies: Replies, prices: Prices, *, n_items: int, unreadable: Sequence[str], n_failed: int) -> Cost:
    """The cost of what was asked.

    Args:
        replies: of `rapo.judging.server.ask_all`.
        prices: of tokens.
        n_items: pairs or answers.
        unreadable: the answers that say nothing clearly, as they are told.
        n_failed: requests without an answer.
    """
    tokens = _tokens(replies.answers)
    sent = [answer for answer, went in zip(replies.answers, replies.sent, strict=True) if went]
    why = (*replies.failures, *unreadable, "")[0]
    return Cost(
        n_items=n_items,
        n_asked=replies.n_asked,
        n_failed=n_failed,
        n_unreadable=len(unreadable),
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        price=prices.of(*tokens),
        paid=prices.of(*_tokens(sent)),
        why=why,
    )


def total(found: Sequence[Cost]) -> Cost:
    """The cost of several runs over the same items; what one of them does not know, nobody knows."""
    counts = {name: sum(getattr(one, name) for one in found) for name in ("n_asked", "n_failed", "n_unreadable")}
    sums: dict[str, Any] = {}
    for name in ("tokens_in", "tokens_out", "price", "paid"):
        parts = [getattr(one, name) for one in found]
        sums[name] = None if None in parts else sum(parts)
    why = next((one.why for one in found if one.why), "")
    return Cost(n_items=found[0].n_items, why=why, **counts, **sums)


def estimate(new: Sequence[Mapping[str, Any]], prices: Prices, *, n_requests: int) -> Estimate:
    """What requests that are not answered yet will take. ``n_requests`` counts those that are, too."""
    tokens_in = sum(-(-len(turn["content"]) // PER_TOKEN) for one in new for turn in one["messages"])
    limits = [one.get("max_tokens", one.get("max_completion_tokens")) for one in new]
    tokens_out = None if None in limits else sum(int(limit or 0) for limit in limits)
    return Estimate(n_requests, n_requests - len(new), tokens_in, tokens_out, prices.of(tokens_in, tokens_out))


def _tokens(answers: Sequence[Mapping[str, Any] | None]) -> tuple[int | None, int | None]:
    """Tokens read and written, None where an answer does not tell."""
    usage = [answer.get("usage") or {} for answer in answers if answer is not None]
    return _sum(usage, "prompt_tokens"), _sum(usage, "completion_tokens")


def _sum(usage: Sequence[Mapping[str, Any]], name: str) -> int | None:
    counts = [one.get(name) for one in usage]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if len(known) == len(counts) else None

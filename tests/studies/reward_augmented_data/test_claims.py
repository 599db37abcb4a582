"""RA-F1 follows from the construction that was counted."""

import pandas as pd
import pyarrow as pa
from scored_pairs import pair

from rapo.pairs import schema
from rapo.pairs.check import check
from rapo.relabelling import construction, relabel
from rapo.relabelling.goals import OVERALL
from rapo.studies.reward_augmented_data.claims import claims


def test_the_claim_is_computed_from_the_construction() -> None:
    two = [pair(score_chosen=9.0, score_rejected=6.0), pair(score_chosen=5.0, score_rejected=2.0)]
    data = schema.with_ids(check(pa.Table.from_pylist(two)))
    good = construction.criteria(data, relabel.relabel(data), template=OVERALL)
    (claim,) = claims({"construction": pd.concat([good, good])}, {})
    assert (claim.verdict, claim.estimate, claim.n) == ("holds", 0.0, "2 pairs x 2 placements")
    faulty = relabel.relabel(data, placement="prefix", official_fault="nosys_unswapped")
    (wrong,) = claims({"construction": construction.criteria(data, faulty, template=OVERALL)}, {})
    assert (wrong.verdict, wrong.estimate) == ("does not hold", 4.0)

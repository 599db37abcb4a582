import hashlib

import numpy as np

from rapo.pairs import schema


def test_hashes_are_those_of_hashlib_and_will_not_change():
    """Halves and random candidates hang on them: a change would silently draw other data."""
    key = (7).to_bytes(16, "little", signed=True)
    digest = hashlib.blake2b(b"p1", digest_size=8, key=key, person=b"half").digest()
    expected = int.from_bytes(digest, "little")
    assert schema.hashes(["p1"], seed=7, purpose="half").tolist() == [expected] == [11852990953596945545]
    assert len(np.unique(schema.hashes(["p1", "p2", "p1"], seed=7, purpose="half"))) == 2
    assert schema.hashes(["p1"], seed=7, purpose="rejected") != expected
    assert len(schema.hashes([], seed=-1, purpose="half")) == 0

"""Each target reads its seeds, every crash that was found among them, and what hypothesis makes of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.mutations import inputs
from tests.fuzz.targets import MOST_SECONDS, TARGETS, Target

_EXAMPLES = 20


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_whatever_comes_is_read_or_refused_in_our_own_words(target: Target) -> None:
    seeds = target.seeds()
    assert seeds

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(seeds, target.words))
    def changed(data: bytes) -> None:
        target.run(data)

    for seed in seeds:
        target.run(seed)
    began = time.process_time()
    changed()
    assert time.process_time() - began < MOST_SECONDS * _EXAMPLES


def test_a_target_notices_a_reader_that_breaks() -> None:
    def careless(data: bytes) -> int:
        return int(data)

    with pytest.raises(ValueError, match="invalid literal"):
        Target("careless", careless, (b"1",)).run(b"one")

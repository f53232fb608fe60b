"""HyperLogLogs. Those that change one give it as it would be; nothing is stored."""

from __future__ import annotations

from ..._calls import Policy, bits_or_none, hll_modify, hll_policy, hll_read
from ..._expression_code import FLOAT, HLL, INT, LIST, Code, Value
from ...expressions import builder, code_of, needs

__all__ = [
    "HLLInit",
    "HLLAdd",
    "HLLGetCount",
    "HLLGetUnion",
    "HLLGetUnionCount",
    "HLLGetIntersectCount",
    "HLLGetSimilarity",
    "HLLDescribe",
    "HLLMayContain",
]


def _bits(index: Value, minhash: Value) -> tuple[Code, Code]:
    return bits_or_none(index, "index_bit_count"), bits_or_none(minhash, "mh_bit_count")


@builder
def HLLInit(policy: Policy, index_bit_count: Value, mh_bit_count: Value, bin: Value) -> Code:
    """An empty one."""
    return hll_modify(bin, 0, *_bits(index_bit_count, mh_bit_count), hll_policy(policy))


@builder
def HLLAdd(
    policy: Policy, list: Value, index_bit_count: Value, mh_bit_count: Value, bin: Value
) -> Code:
    """With the values of a list added."""
    return hll_modify(
        bin, 1, needs(list, LIST, "list"), *_bits(index_bit_count, mh_bit_count), hll_policy(policy)
    )


@builder
def HLLGetCount(bin: Value) -> Code:
    """The estimated number of different values."""
    return hll_read(INT, bin, 50)


@builder
def HLLGetUnion(values: Value, bin: Value) -> Code:
    """The union with others: a HyperLogLog, or a list of them."""
    return hll_read(HLL, bin, 51, code_of(values))


@builder
def HLLGetUnionCount(values: Value, bin: Value) -> Code:
    """The estimated number of different values in the union."""
    return hll_read(INT, bin, 52, code_of(values))


@builder
def HLLGetIntersectCount(values: Value, bin: Value) -> Code:
    """The estimated number of values that all have."""
    return hll_read(INT, bin, 53, code_of(values))


@builder
def HLLGetSimilarity(values: Value, bin: Value) -> Code:
    """The estimated similarity, from 0 to 1."""
    return hll_read(FLOAT, bin, 54, code_of(values))


@builder
def HLLDescribe(bin: Value) -> Code:
    """A list of its index bits and minhash bits."""
    return hll_read(LIST, bin, 55)


@builder
def HLLMayContain(list: Value, bin: Value) -> Code:
    """1 if all values of a list may have been added, else 0."""
    return hll_read(INT, bin, 56, needs(list, LIST, "list"))

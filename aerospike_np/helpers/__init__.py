"""What ``aerospike_helpers`` has, under its names: ``from aerospike_np.helpers import expressions as exp``."""

from ..types import HyperLogLog as HyperLogLog

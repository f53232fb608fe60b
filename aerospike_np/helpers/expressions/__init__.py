"""Expressions under the names of ``aerospike_helpers.expressions``: the trees that :mod:`aerospike_np.exp` makes.

Examples
--------
>>> from aerospike_np.helpers import expressions as exp
>>> exp.GT(exp.ListSize(None, exp.ListBin("scores")), 3).compile()
ListSize(None, exp.list_bin('scores')) > 3
"""

from .arithmetic import *  # noqa: F403
from .base import *  # noqa: F403
from .bitwise import *  # noqa: F403
from .bitwise_operators import *  # noqa: F403
from .hll import *  # noqa: F403
from .list import *  # noqa: F403
from .map import *  # noqa: F403
from .resources import ResultType as ResultType

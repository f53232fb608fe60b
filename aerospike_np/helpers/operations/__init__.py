"""Builders of operations for ``operate``, under the names that the official client's helpers have.

Each returns a dict; a list of them is what :meth:`aerospike_np.Client.operate` takes.
"""

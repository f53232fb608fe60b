"""Rows of a batch that ask for different things: :mod:`aerospike_np.helpers.batch.records`."""

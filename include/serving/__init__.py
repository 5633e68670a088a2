"""Packages in use: each way of serving loads the same bytes through `ml.packaging.package_files`.

The server, from the wire inwards: `__main__` listens, `app` has the routes, `gateway` lets requests in, `protocols` read
them, `answering` answers by what the `fleet` has.
"""

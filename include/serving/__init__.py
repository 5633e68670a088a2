"""The model server. Every way of serving loads the same package bytes through `ml.packaging.package_files`.

A request passes through these modules in this order: `serving.__main__` listens, `serving.app` has the routes,
`serving.gateway` applies limits, `serving.protocols` parses the body, and `serving.handler` scores the rows with the
models of `serving.model_pool`.
"""

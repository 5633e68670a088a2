"""The model server in containers: the only code that talks to a Docker engine, and nothing asks it to.

A deployer follows the signed routing, as servers do: it builds an image for a package, and lets the containers be what is routed.
"""

"""The model server in containers. Only this package talks to a Docker engine.

A deployer follows the signed routing, as servers do, and takes no other requests. It builds an image for each routed
package, and starts and removes containers until they match the routing.
"""

"""The kernel space: registering agents and tools, running them, and confirming what must be confirmed.

The files here only carry things to and from the compiled core; who may do what is decided there.
"""

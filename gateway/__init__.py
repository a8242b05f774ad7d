"""Leakgate: an egress gateway that stops company data from leaking into AI services."""

__version__ = "0.1.0"

"""Readers of the board: the statistics page, CSV, JSON, typed output, Prometheus."""

"""Engines: each executes one job notebook; registered in `nbprod.engines`."""

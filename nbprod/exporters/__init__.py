"""Pipelines written for other systems: plug-ins of the group `nbprod.exporters`.

What is written only calls the `nbprod` command, so the notebook stays the one description of the pipeline. Paths in
the files are relative to the project's folder: that is where they belong.
"""

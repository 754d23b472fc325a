"""The engine's environment: planned, built, tested and removed.

``environment``, ``failures`` and ``gpu`` are plain Python; ``installer`` and ``check`` start
processes; none of them knows a window, so that qgis_process and a dialog use the same.
"""

"""The engine's environment: planned, built, tested and removed.

``environment``, ``failures`` and ``gpu`` decide, and start nothing but nvidia-smi; ``installer``
and ``check`` start processes; none of them knows a window, so that qgis_process and a dialog use
the same.
"""

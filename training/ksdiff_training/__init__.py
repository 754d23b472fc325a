"""Training of KSDiff: two stages, evaluation, and the export of weights that the plugin loads."""

"""From scenes on disk to batches of training samples; evaluation's scenes are in ``scenes``."""

"""Fine-tuning on a user's own scene: its pair at reduced resolution in blocks, and the training."""

"""From recipe and images to a checkpoint."""

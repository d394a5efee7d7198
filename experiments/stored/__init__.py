"""Results of trainings that experiments read."""

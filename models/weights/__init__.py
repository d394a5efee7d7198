"""Which weights are published, and how they come here."""

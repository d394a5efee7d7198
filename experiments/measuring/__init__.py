"""From models and images to tables, on one process or many."""

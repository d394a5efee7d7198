"""Self-supervised pretraining of Vision Transformers: `python -m pretraining`."""

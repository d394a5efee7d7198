"""Looking inside a ViT while it runs, and measuring what passes."""

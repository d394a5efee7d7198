"""What the pictures of tokens show, as numbers."""

"""What a frozen model makes of images, passed through it once and kept on disk."""

"""What probes answer to images that differ from those they were trained on: conflicting cues, noise, other textures."""

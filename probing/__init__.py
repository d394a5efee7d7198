"""What representations know: accuracy of every layer, pooling and head from one pass of the frozen model."""

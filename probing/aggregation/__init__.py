"""One vector for an image from the tokens of one layer: the aggregations of Beyond [cls] and AbMILP."""

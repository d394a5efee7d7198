"""Mean and standard deviation of the colour channels (red, green, blue; 0 to 1) that weights were trained with."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

"""What the tests of the report share: models of two grids, and the parts of a page."""

import base64
import json
import zlib
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import torch

from models import image_transform, load_model, tap
from tests.models._tiny import vit

CONFIG = {
    "input_size": (3, 32, 48),
    "mean": (0.5,) * 3,
    "std": (0.5,) * 3,
    "crop_pct": 1.0,
    "interpolation": "bilinear",
}


def two_models():
    """8 x 8 patches, 3 heads, 8 blocks and a class token; and 4 x 6 patches, 3 heads, 2 blocks and none."""
    torch.manual_seed(0)
    wide = vit(img_size=(32, 48), class_token=False, global_pool="avg")
    wide.pretrained_cfg = CONFIG
    wide.passport = SimpleNamespace(depth=2, heads=3)
    return {"mini-simmim": load_model("mini-simmim"), "wide": wide}


def attention(model, photograph, depth):
    """(head query patch) in float64, prefix columns dropped and rows made to sum 1; rows of the class token first."""
    with torch.inference_mode(), tap(model, layers=[depth - 1]) as trace:
        model(image_transform(model)(photograph)[None])
    found, prefix = trace.attention[depth - 1][0].double().numpy(), trace.layout.prefix
    return found[..., prefix:] / found[..., prefix:].sum(-1, keepdims=True)


def stored(data, name, image, stop):
    """Codes and scales of the page: (head query patch) and (head query)."""
    model = next(model for model in data["models"] if model["name"] == name)
    patches = model["grid"][0] * model["grid"][1]
    queries = patches + model["classToken"]
    plain = zlib.decompress(base64.b64decode(data["maps"][name][image][stop]))
    scales = np.frombuffer(plain[: 4 * model["heads"] * queries], "<f4").reshape(-1, queries)
    codes = np.frombuffer(plain[scales.nbytes :], np.uint8).reshape(model["heads"], queries, patches)
    return codes, scales


class Page(HTMLParser):
    """Elements of a page as (tag, attributes), and the text of each kind of element."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br", "input", "link"}:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag] = self.texts.get(tag, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def data(self):
        return json.loads(self.texts["script"].split('"use strict"')[0])

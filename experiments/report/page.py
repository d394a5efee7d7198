"""A report as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any
from xml.etree.ElementTree import Element

from .markup import written

HERE = Path(__file__).parent


def page(title: str, content: Element, data: dict[str, Any] | None) -> str:
    """The page: nothing in it is fetched from anywhere, which its content security policy makes browsers keep to.

    Args:
        title: for the window.
        content: of the body.
        data: of the explorer; None for a page without it.
    """
    style, script = (_source(name) for name in ("page.css", "explorer.js"))
    return Template(_source("page.html")).substitute(
        title=html.escape(title),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        content="\n".join(written(part) for part in content),
        data=_inside_script(data),
    )


def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _inside_script(data: dict[str, Any] | None) -> str:
    """JSON in which no text can end the element that it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")

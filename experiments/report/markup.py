"""HTML elements; their text and attributes are escaped when they are written."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child = Element | str | None


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """An element; `class_` stands for class, `data_x` for data-x, None among the children for nothing.

    >>> written(element("p", "1 < 2 ", element("b", "&"), " & more", class_="note"))
    '<p class="note">1 &lt; 2 <b>&amp;</b> &amp; more</p>'
    """
    made = Element(tag, {name.rstrip("_").replace("_", "-"): _clean(text) for name, text in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif child is not None and len(made):
            made[-1].tail = (made[-1].tail or "") + _clean(child)
        elif child is not None:
            made.text = (made.text or "") + _clean(child)
    return made


def prose(text: str, tag: str = "p") -> Element:
    """A paragraph in which what stands between backticks is code.

    >>> written(prose("see `--head N`"))
    '<p>see <code>--head N</code></p>'
    """
    parts = text.split("`")
    even = len(parts) % 2 == 1  # else a backtick is alone
    return element(tag, *(element("code", part) if even and number % 2 else part for number, part in enumerate(parts)))


def listed(items: Iterable[Child]) -> Element | None:
    """The items as an unordered list; None without items."""
    entries = [element("li", item) for item in items]
    return element("ul", *entries) if entries else None


def defined(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Terms and what is said of them; those without are left out."""
    return element(
        "dl", *(element("div", element("dt", term), element("dd", said)) for term, said in pairs if said is not None)
    )


def folded(summary: str, *children: Child) -> Element:
    """What is unfolded by a click."""
    return element("details", element("summary", summary), *children)


def section(name: str, heading: str, *children: Child) -> Element:
    """A section of the page under a heading."""
    return element(
        "section", element("h2", heading, id=f"{name}-heading"), *children, id=name, aria_labelledby=f"{name}-heading"
    )


def written(content: Element) -> str:
    """The element as HTML."""
    return ElementTree.tostring(content, encoding="unicode", method="html")


def _clean(text: str) -> str:
    """Without control characters, which HTML does not know."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")

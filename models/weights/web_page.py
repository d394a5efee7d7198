"""Web pages, which hosts send in the place of files, told from files."""

import re

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")


def is_web_page(start: bytes, content_type: str = "") -> bool:
    """Whether these first bytes of a file are HTML or XML, which no weights begin with, or its type says so."""
    text = start[:512].removeprefix(BYTE_ORDER_MARK).lstrip().lower()
    return content_type.startswith("text/html") or text.startswith(STARTS)


def page_title(page: str) -> str:
    """Title of a web page, empty when it has none."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return " ".join(title[1].split()) if title else ""

"""Google Drive: from a file's id to the address of its bytes, or to the reason why there are none."""

from itertools import islice

import requests

from ._http import chunks, get
from .web_page import is_web_page, page_title

DRIVE = "https://drive.google.com/uc"
PAGE_CHUNKS = 2  # the confirmation page is a few kilobytes; never read a file as a page


def drive_address(file_id: str, session: requests.Session) -> str:
    """Address of the bytes; for a large file, the one behind Drive's confirmation page.

    Args:
        session: keeps the cookies that the address needs.
    Raises:
        TransientError: the connection failed or the server is busy.
        OSError: Drive refuses, most often because the file's daily quota is used up.
    """
    with get(session, f"{DRIVE}?id={file_id}&export=download", {}) as response:
        if not is_web_page(b"", response.headers.get("Content-Type", "")):
            return response.url
        page = b"".join(islice(chunks(response), PAGE_CHUNKS)).decode("utf-8", "replace")
    return _confirmed(page)


def _confirmed(page: str) -> str:
    # gdown follows Drive's changes of this page; imported here because only Drive's files need it.
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    try:
        return get_url_from_gdrive_confirmation(page)
    except FileURLRetrievalError as error:
        reason = page_title(page) or "a page without a download link"
        raise OSError(
            f"Google Drive sends a page and not the file ({reason}): {' '.join(str(error).split())} "
            "A used-up quota is usually free again after a day; a signed-in browser often still gets the file"
        ) from error

"""Downloads survive breaks, bad hosts, full disks and each other; only whole weights get the file's name."""

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.weights import _drive, _transfer
from models.weights.download import cache_folder, fetch
from models.weights.entry import Weights
from models.weights.registry import entry
from tests.models._server import Page, Server, serve

ROOT = Path(__file__).parents[3]
CONTENT = np.random.default_rng(0).bytes(1_000_003)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = "weights.pth"
QUOTA = (
    b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>\n"
    b'<p class="uc-error-caption">Sorry, you can&#39;t view or download this file at this time.</p>\n'
    b'<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>'
)
IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from models.weights.entry import Weights
from models.weights.download import fetch
url, folder, sha256 = sys.argv[1:]
weights = Weights(name="a.test", architecture="a", family="mae", method="M", data="d", licence="MIT",
                  paper="", urls=(url,), filename="weights.pth", sha256=sha256)
print(fetch(weights, folder=folder, progress=False))
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transfer, "BACKOFF", 0.01)
    for name in ("VIT_ANATOMY_CACHE", "VIT_ANATOMY_MIRROR", "VIT_ANATOMY_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def weights_at(*urls: str, **known: object) -> Weights:
    return Weights(
        name="a.test",
        architecture="a",
        family="mae",
        method="M",
        data="d",
        licence="MIT",
        paper="",
        urls=urls,
        filename=FILE,
        **known,  # type: ignore[arg-type]
    )


def publish(server: Server, **page: object) -> str:
    server.pages["/" + FILE] = Page(CONTENT, **page)  # type: ignore[arg-type]
    return f"{server.address}/{FILE}"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {FILE + ".lock"}


def run(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, url, str(folder), SHA256],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(f"waited {seconds} s in vain")


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"bytes": len(CONTENT), "sha256": SHA256},
        {"hash_prefix": "md5:" + hashlib.md5(CONTENT).hexdigest()[:6]},
        {"hash_prefix": "sha256:" + SHA256[:8]},
    ],
    ids=["nothing known", "size and sha256", "md5 prefix", "sha256 prefix"],
)
def test_a_file_is_fetched_once_and_whole(server: Server, tmp_path: Path, known: dict) -> None:
    weights = weights_at(publish(server), **known)
    path = fetch(weights, folder=tmp_path, progress=False)
    assert path == tmp_path / FILE
    assert path.read_bytes() == CONTENT
    assert fetch(weights, folder=tmp_path, progress=False) == path
    assert server.ranges("/" + FILE) == [None]
    assert names(tmp_path) == {FILE}


def test_the_bar_shows_the_whole_size(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    fetch(weights_at(publish(server)), folder=tmp_path)
    shown = capfd.readouterr()
    assert FILE in shown.err
    assert "1.00M/1.00M" in shown.err
    assert shown.out == ""


def test_a_dropped_connection_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    weights = weights_at(publish(server, drops=[400_000, 300_000]), sha256=SHA256)
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    first, *later = server.ranges("/" + FILE)
    offsets = [int(span.removeprefix("bytes=").removesuffix("-")) for span in later if span]
    assert first is None
    assert len(offsets) == 2
    assert 400_000 - 2 * (1 << 16) <= offsets[0] <= 400_000
    assert offsets[0] + 300_000 - 2 * (1 << 16) <= offsets[1] <= 700_000


def test_any_number_of_breaks_is_outlived_while_bytes_still_come(server: Server, tmp_path: Path) -> None:
    weights = weights_at(publish(server, drops=[100_000] * 12))
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT


def test_a_killed_process_is_continued_by_the_next(server: Server, tmp_path: Path) -> None:
    url = publish(server, pause=0.05)
    process = run(url, tmp_path)
    part = tmp_path / (FILE + ".part")
    until(lambda: part.exists() and part.stat().st_size >= 200_000)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    kept = part.stat().st_size
    assert not (tmp_path / FILE).exists()
    assert 0 < kept < len(CONTENT)
    server.pages["/" + FILE].pause = 0.0
    path = fetch(weights_at(url, sha256=SHA256), folder=tmp_path, progress=False)
    assert path.read_bytes() == CONTENT
    assert server.ranges("/" + FILE) == [None, f"bytes={kept}-"]
    assert names(tmp_path) == {FILE}


def test_two_processes_fetch_once(server: Server, tmp_path: Path) -> None:
    url = publish(server, pause=0.02)
    processes = [run(url, tmp_path) for _ in range(2)]
    for process in processes:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert out.strip() == str(tmp_path / FILE)
    assert server.ranges("/" + FILE) == [None]
    assert (tmp_path / FILE).read_bytes() == CONTENT


def begun(server: Server, folder: Path, **page: object) -> str:
    """Address of a file whose first 300,000 bytes are in the folder already; the server is healthy again."""
    url = publish(server, drops=[300_000], **page)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transfer, "ATTEMPTS", 1)
        with pytest.raises(OSError, match="could not be fetched"):
            fetch(weights_at(url), folder=folder, progress=False)
    assert (folder / (FILE + ".part")).stat().st_size > 100_000
    server.requests.clear()
    return url


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    url = begun(server, tmp_path)
    server.pages["/" + FILE].ranges = False
    assert fetch(weights_at(url), folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "changed",
    [
        Page(CONTENT[::-1], etag='"two"'),
        Page(CONTENT[::-1], etag='"two"', if_range=False),
        Page(CONTENT[::-1][:-7], etag=None),
        Page(CONTENT[:5000], etag=None),
    ],
    ids=["another tag", "another tag, If-Range ignored", "another length", "shorter than what is here (416)"],
)
def test_a_file_that_changed_on_the_server_starts_again(server: Server, tmp_path: Path, changed: Page) -> None:
    url = begun(server, tmp_path, etag=changed.etag and '"one"')
    server.pages["/" + FILE] = changed
    assert fetch(weights_at(url), folder=tmp_path, progress=False).read_bytes() == changed.content


def test_a_changed_file_without_tag_is_caught_by_its_hash(server: Server, tmp_path: Path) -> None:
    url = begun(server, tmp_path, etag=None)
    changed = CONTENT[::-1]
    server.pages["/" + FILE] = Page(changed, etag=None)
    weights = weights_at(url, sha256=hashlib.sha256(changed).hexdigest())
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == changed
    assert server.ranges("/" + FILE)[-1] is None


def test_a_mirror_ends_what_another_began_only_when_a_hash_will_tell(server: Server, tmp_path: Path) -> None:
    begun(server, tmp_path)
    server.pages["/mirror"] = Page(CONTENT, etag='"of the mirror"')
    mirror = f"{server.address}/mirror"
    assert fetch(weights_at(mirror, sha256=SHA256), folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.ranges("/mirror")[0] is not None

    (tmp_path / FILE).unlink()
    begun(server, tmp_path)
    assert fetch(weights_at(mirror), folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.ranges("/mirror") == [None]


def test_all_bytes_here_but_not_renamed_needs_no_request(server: Server, tmp_path: Path) -> None:
    url = begun(server, tmp_path)
    (tmp_path / (FILE + ".part")).write_bytes(CONTENT)
    assert fetch(weights_at(url, sha256=SHA256), folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.requests == []


def test_a_part_of_unknown_origin_is_not_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / (FILE + ".part")).write_bytes(b"x" * 1000)
    assert fetch(weights_at(publish(server)), folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.ranges("/" + FILE) == [None]


def test_a_wrong_hash_is_set_aside_and_reported(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = weights_at(publish(server), sha256="0" * 64)
    with pytest.raises(OSError, match=f"its sha256 is {SHA256} and should begin with 0000"):
        fetch(weights, folder=tmp_path, progress=False)
    assert names(tmp_path) == {FILE + ".bad"}
    assert "kept as" in caplog.text


def test_a_wrong_size_is_refused_before_the_download(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the server's file has 1000003 bytes, the published one 77"):
        fetch(weights_at(publish(server), bytes=77), folder=tmp_path, progress=False)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("damage", [CONTENT[:-5], CONTENT[:-1] + b"\0", b"", b"<!DOCTYPE html><html></html>"])
def test_a_damaged_file_in_the_cache_is_kept_aside_and_fetched_again(
    server: Server, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(damage)
    weights = weights_at(publish(server), sha256=SHA256, bytes=len(CONTENT))
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert (tmp_path / (FILE + ".bad")).read_bytes() == damage
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_never_saved(server: Server, tmp_path: Path, kind: str) -> None:
    page = b"\n <!doctype html><html><head><title>Not\n here</title></head></html>"
    server.pages["/" + FILE] = Page(page, content_type=kind)
    with pytest.raises(OSError, match=r"web page and not the file \(Not here\)"):
        fetch(weights_at(f"{server.address}/{FILE}"), folder=tmp_path, progress=False)
    assert names(tmp_path) == set()


def test_a_web_page_does_not_cost_what_is_here(server: Server, tmp_path: Path) -> None:
    url = begun(server, tmp_path)
    before = (tmp_path / (FILE + ".part")).read_bytes()
    server.pages["/" + FILE] = Page(QUOTA, content_type="text/html", etag='"page"')
    with pytest.raises(OSError, match="Quota exceeded"):
        fetch(weights_at(url), folder=tmp_path, progress=False)
    assert (tmp_path / (FILE + ".part")).read_bytes() == before


def test_a_missing_file_sends_to_the_next_mirror(server: Server, tmp_path: Path) -> None:
    weights = weights_at(f"{server.address}/gone", publish(server))
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.requests == [("/gone", None), ("/" + FILE, None)]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    weights = weights_at(publish(server, statuses=[status] * 3))
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_server_that_stays_busy_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"HTTP 503 .*\(5 attempts\)"):
        fetch(weights_at(publish(server, statuses=[503] * 99)), folder=tmp_path, progress=False)
    assert len(server.requests) == 5


def test_without_a_network_the_error_says_what_to_put_where(tmp_path: Path) -> None:
    with serve() as closed:
        address = closed.address
    url = f"{address}/{FILE}"
    with pytest.raises(OSError, match="could not be fetched") as caught:
        fetch(weights_at(url, url + "2"), folder=tmp_path, progress=False)
    text = str(caught.value)
    for needed in (FILE, url, url + "2", str(tmp_path / FILE), "VIT_ANATOMY_MIRROR", "Connection refused"):
        assert needed in text


@pytest.mark.parametrize("variable", ["VIT_ANATOMY_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(
    server: Server, tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = weights_at(publish(server), sha256=SHA256)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", server.address)
    with pytest.raises(OSError, match=rf"{variable} forbids the network; no such file(.|\n)*{tmp_path / FILE}"):
        fetch(weights, folder=tmp_path, progress=False)
    (tmp_path / FILE).write_bytes(b"damaged")
    with pytest.raises(OSError, match="the file there is damaged"):
        fetch(weights, folder=tmp_path, progress=False)
    (tmp_path / FILE).write_bytes(CONTENT)
    assert fetch(weights, folder=tmp_path, progress=False) == tmp_path / FILE
    assert server.requests == []


def test_offline_a_folder_still_serves_as_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / FILE).write_bytes(CONTENT)
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", "1")
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", str(mirror))
    weights = weights_at("http://127.0.0.1:9/never", sha256=SHA256)
    path = fetch(weights, folder=tmp_path / "cache", progress=False)
    assert path.read_bytes() == CONTENT
    assert (mirror / FILE).exists()


def test_the_users_mirror_comes_first_and_the_published_address_after(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    server.pages["/mine/" + FILE] = Page(CONTENT)
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", f"{server.address}/mine/")
    fetch(weights_at(url), folder=tmp_path / "a", progress=False)
    assert [path for path, _ in server.requests] == ["/mine/" + FILE]
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", str(tmp_path / "empty"))
    fetch(weights_at(url), folder=tmp_path / "b", progress=False)
    assert [path for path, _ in server.requests] == ["/mine/" + FILE, "/" + FILE]


def test_a_full_disk_keeps_what_has_come(server: Server, tmp_path: Path) -> None:
    weights = weights_at(publish(server), sha256=SHA256)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(OSError, match=r"no room for weights\.pth in .*VIT_ANATOMY_CACHE"):
            fetch(weights, folder=tmp_path, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / (FILE + ".part")).read_bytes() == CONTENT[:500_000]
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert server.ranges("/" + FILE) == [None, "bytes=500000-"]


def test_no_space_left_stops_at_once(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_transfer.os, "write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(weights_at(publish(server), f"{server.address}/other"), folder=tmp_path, progress=False)
    assert caught.value.errno == errno.ENOSPC
    assert len(server.requests) == 1


def test_too_little_room_is_seen_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(_transfer.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="1000003 bytes are to come and 10 are free"):
        fetch(weights_at(publish(server)), folder=tmp_path, progress=False)


CONFIRM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="{address}/download" method="get"><input type="hidden" name="id"
value="{id}"><input type="hidden" name="confirm"
value="t"><input type="hidden" name="uuid" value="u-1"></form>"""


@pytest.fixture
def drive(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Google Drive's two steps: a page that asks for confirmation, then the file."""
    monkeypatch.setattr(_drive, "DRIVE", f"{server.address}/uc")
    page = CONFIRM.format(address=server.address, id="some-file").encode()
    server.pages["/uc"] = Page(page, content_type="text/html; charset=utf-8")
    server.pages["/download"] = Page(CONTENT)
    return server


def test_a_drive_file_comes_through_the_confirmation_page(drive: Server, tmp_path: Path) -> None:
    weights = weights_at("gdrive:some-file", sha256=SHA256)
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    assert [path for path, _ in drive.requests] == ["/uc", "/download"]


def test_a_small_drive_file_comes_at_once(drive: Server, tmp_path: Path) -> None:
    drive.pages["/uc"] = Page(CONTENT)
    assert fetch(weights_at("gdrive:some-file"), folder=tmp_path, progress=False).read_bytes() == CONTENT


def test_a_broken_drive_download_is_continued(drive: Server, tmp_path: Path) -> None:
    drive.pages["/download"].drops = [500_000]
    weights = weights_at("gdrive:some-file", sha256=SHA256)
    assert fetch(weights, folder=tmp_path, progress=False).read_bytes() == CONTENT
    first, second = drive.ranges("/download")
    assert first is None
    assert second is not None


@pytest.mark.parametrize("step", ["/uc", "/download"])
def test_drives_quota_page_is_recognised_and_never_saved(drive: Server, tmp_path: Path, step: str) -> None:
    drive.pages[step] = Page(QUOTA, content_type="text/html; charset=utf-8")
    with pytest.raises(OSError, match="Quota exceeded") as caught:
        fetch(weights_at("gdrive:some-file"), folder=tmp_path, progress=False)
    assert "https://drive.google.com/file/d/some-file/view" in str(caught.value)
    if step == "/uc":
        assert "Too many users have viewed or downloaded this file recently." in str(caught.value)
    assert names(tmp_path) == set()


def test_drives_login_page_is_recognised(drive: Server, tmp_path: Path) -> None:
    page = b"<html><head><title>Sign in - Google Accounts</title></head></html>"
    drive.pages["/uc"] = Page(page, content_type="text/html")
    with pytest.raises(OSError, match=r"Google Drive sends a page and not the file \(Sign in"):
        fetch(weights_at("gdrive:some-file"), folder=tmp_path, progress=False)


def test_the_cache_folder_is_torch_hubs_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.setenv("VIT_ANATOMY_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder(tmp_path / "b") == tmp_path / "b"


def test_a_cache_folder_that_cannot_be_made_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"folder='.*file/cache' .*VIT_ANATOMY_CACHE"):
        fetch(weights_at(publish(server)), folder=tmp_path / "file" / "cache", progress=False)


def test_packaged_weights_need_no_download(tmp_path: Path) -> None:
    path = fetch(entry("mini-moco"), folder=tmp_path)
    assert path.name == "moco.safetensors"
    assert path.exists()
    assert names(tmp_path) == set()


def test_weights_without_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="random initialisation"):
        fetch(entry("mini-random"), folder=tmp_path)
    with pytest.raises(ValueError, match=r"timm\.create_model"):
        fetch(replace(entry("supervised"), urls=(), filename=""), folder=tmp_path)

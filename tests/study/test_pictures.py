"""Every kind of image file, made here, read by its rule."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw

from study.pictures import UnreadablePicture, picture, without_pillow_warnings


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content: bytes) -> np.ndarray:
    image = picture(content)
    assert image.mode == "RGB"
    return np.asarray(image)


def test_grey_has_three_equal_channels():
    assert pixels(encoded(Image.new("L", (2, 3), 70))).tolist() == [[[70] * 3] * 2] * 3


def test_one_bit():
    assert pixels(encoded(Image.new("1", (1, 1), 1))).tolist() == [[[255] * 3]]


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    assert pixels(encoded(Image.fromarray(values)))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_tiff_of_both_byte_orders():
    values = np.array([[0, 32896, 65535]], dtype=np.uint16)
    for order in ("<u2", ">u2"):
        assert pixels(encoded(Image.fromarray(values.astype(order)), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]


def test_floating_point_from_0_to_1_and_no_other():
    image = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert pixels(encoded(image, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    for value in (300.0, -1.0, np.nan):
        wrong = Image.fromarray(np.array([[0.0, value]], dtype=np.float32))
        with pytest.raises(UnreadablePicture, match="no known scale; expected 0 to 1"):
            picture(encoded(wrong, "TIFF"))


def test_palette_with_transparency_lies_over_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert pixels(encoded(image, transparency=0)).tolist() == [[[255, 255, 255], [200, 100, 50]]]
    assert pixels(encoded(image)).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_rgba_lies_over_white():
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (0, 0, 0, 51))
    assert pixels(encoded(image)).tolist() == [[[255, 255, 255], [255, 0, 0], [204, 204, 204]]]


def test_grey_with_alpha_lies_over_white():
    assert pixels(encoded(Image.new("LA", (1, 1), (0, 0)))).tolist() == [[[255, 255, 255]]]


def test_transparent_colour_of_rgb_lies_over_white():
    assert pixels(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3))).tolist() == [[[255] * 3]]


def test_cmyk():
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert abs(pixels(encoded(red, "JPEG", quality=100)).astype(int) - [254, 0, 0]).max() <= 2
    assert (pixels(encoded(red, "TIFF")) == [255, 0, 0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation):
    upright = Image.new("RGB", (16, 8), "white")
    ImageDraw.Draw(upright).rectangle((0, 0, 3, 3), fill="black")  # top left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that EXIF's is the inverse of
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = pixels(encoded(stored, "PNG", exif=exif))
    assert shown.shape == (8, 16, 3)
    assert shown[1, 1].tolist() == [0, 0, 0] and shown[7, 15].tolist() == [255] * 3


def test_one_pixel():
    assert pixels(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    assert pixels(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0].tolist() == [255, 0, 0]


def test_large_images_are_read_without_a_warning_and_huge_ones_refused(monkeypatch):
    content = encoded(Image.new("L", (30, 10)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with without_pillow_warnings():
            assert pixels(content).shape == (10, 30, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadablePicture, match=r"exceeds limit of 200 pixels.*raise PIL.Image.MAX_IMAGE_PIXELS"):
        picture(content)


def test_a_header_that_claims_a_huge_image_is_refused():
    content = bytearray(encoded(Image.new("L", (1, 1))))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(UnreadablePicture):
        picture(bytes(content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>", "no picture: it begins with b'<!DOCTYPE html>"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:400], "truncated"),
        (encoded(Image.effect_noise((64, 64), 50), "PNG")[:400], "truncated|broken|Error"),
        (encoded(Image.new("L", (9, 9)))[:20], "truncated|broken|no picture|Error"),
    ],
    ids=["empty", "html", "jpeg", "png", "png-header"],
)
def test_what_is_no_picture_is_refused_with_the_reason(content, reason):
    with pytest.raises(UnreadablePicture, match=reason):
        picture(content)

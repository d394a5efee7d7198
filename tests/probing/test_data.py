"""Training and test images, and what is wrong with them."""

import zipfile

import pytest

from probing.data import labelled_images, matched_labels, require_others, train_and_test
from tests.probing._images import folders


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return folders(tmp_path_factory.mktemp("images"), train=3, test=2)


def test_both_are_found_in_a_folder_and_in_a_zip(root, tmp_path):
    assert train_and_test(str(root), None) == (str(root / "train"), str(root / "test"))
    packed = tmp_path / "images.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in root.rglob("*.png"):
            archive.write(path, path.relative_to(root).as_posix())
    where = train_and_test(str(packed), None)
    assert where == (str(packed / "train"), str(packed / "test"))
    assert len(labelled_images(where[0])) == 9 and labelled_images(where[1]).classes == ("blue", "green", "red")


def test_named_test_images_win(root):
    assert train_and_test(str(root / "train"), "elsewhere") == (str(root / "train"), "elsewhere")
    assert train_and_test(str(root), "elsewhere") == (str(root / "train"), "elsewhere")


def test_data_sets_by_name():
    assert train_and_test("cifar10", None) == ("cifar10", "cifar10-test")
    assert train_and_test("cifar100:/x", None) == ("cifar100:/x", "cifar100-test:/x")
    assert train_and_test("stl10:/x", None) == ("stl10-train:/x", "stl10-test:/x")
    assert train_and_test("imagenet:/x", None) == ("imagenet:/x", "imagenet-val:/x")


def test_the_validation_images_are_not_trained_on_and_tested_with():
    with pytest.raises(ValueError, match="no test images"):
        train_and_test("imagenet-val:/x", None)


def test_the_same_images_twice(root):
    images = labelled_images(str(root / "train"))
    with pytest.raises(ValueError, match=r"holds the very images of .*: a test on what was learned by heart"):
        require_others(images, labelled_images(str(root / "train")))


def test_no_test_images(root):
    with pytest.raises(ValueError, match=r"no test images: .*train does not hold both train and one of test.*--test"):
        train_and_test(str(root / "train"), None)


def test_no_such_folder(tmp_path):
    with pytest.raises(OSError, match=r"there is no folder or zip .*nowhere; expected one that holds train and test"):
        train_and_test(str(tmp_path / "nowhere"), None)
    with pytest.raises(OSError, match=r"there is no folder or zip .*nowhere.zip"):
        train_and_test(str(tmp_path / "nowhere.zip"), None)
    with pytest.raises(ValueError, match="no test images: cifar10-test does not hold both"):
        train_and_test("cifar10-test", None)


def test_no_labels(root):
    with pytest.raises(ValueError, match=r"has no labels: expected one folder for each class .*--labels"):
        labelled_images(str(root / "train" / "red"))


def test_labels_from_a_file(root, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("00 red\n01 blue\n02 red\n")
    images = labelled_images(str(root / "train" / "red"), labels=str(labels))
    assert images.classes == ("blue", "red") and images.labels == (1, 0, 1)


def test_one_class(root, tmp_path):
    (tmp_path / "red").symlink_to(root / "train" / "red")
    with pytest.raises(ValueError, match="images of one class only, red: there is nothing to tell apart"):
        labelled_images(str(tmp_path))


def test_classes_are_matched_by_name(root, tmp_path):
    for name in ("green", "red"):
        (tmp_path / name).symlink_to(root / "test" / name)
    train, test = labelled_images(str(root / "train")), labelled_images(str(tmp_path))
    assert test.labels == (0, 0, 1, 1)
    assert matched_labels(train, test) == [1, 1, 2, 2]


def test_more_classes_in_test_than_in_train(root, tmp_path):
    for name in ("green", "red"):
        (tmp_path / name).symlink_to(root / "train" / name)
    train, test = labelled_images(str(tmp_path)), labelled_images(str(root / "test"))
    with pytest.raises(ValueError, match=r"has images of blue, of which .* has none among 2 classes"):
        matched_labels(train, test)

import pytest

from experiments.report.budget import Form, forms, largest_form


def test_everything_where_it_fits():
    assert largest_form(4, 12, lambda form: form.images * form.depths, 48) == Form(4, 12, "heads")


@pytest.mark.parametrize(
    ("limit", "form"),
    [
        (4700, Form(4, 11, "heads")),
        (1600, Form(4, 4, "heads")),
        (1599, Form(3, 4, "heads")),
        (300, Form(1, 3, "heads")),
        (99, Form(4, 12, "mean")),
        (1, Form(1, 1, "mean")),
    ],
)
def test_depths_go_before_images_and_heads_last(limit, form):
    sizes = {"heads": 100, "mean": 1}
    assert largest_form(4, 12, lambda form: sizes[form.kind] * form.images * form.depths, limit) == form


def test_every_form_is_smaller_than_the_one_before_of_its_kind():
    for kind in ("heads", "mean"):
        sizes = [form.images * form.depths for form in forms(5, 3) if form.kind == kind]
        assert sizes == sorted(sizes, reverse=True) and sizes[0] == 15 and sizes[-1] == 1


def test_nothing_fits():
    with pytest.raises(ValueError, match=r"needs 2\.5 MB for one image .* and 1\.0 MB are left: raise --limit-mb"):
        largest_form(2, 2, lambda form: 2.5e6, int(1e6))

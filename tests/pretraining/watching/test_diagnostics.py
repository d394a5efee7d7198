"""Diagnostics are the functions of ops on the encoder, and leave no trace in the training."""

import pandas as pd
import pytest
import torch
from PIL import Image

import ops
from models import measure
from pretraining.watching import Diagnostics
from pretraining.watching.plot import plot_run
from pretraining.watching.samples import View, bank_and_queries, evenly
from study.data import BrokenImages
from study.neighbours import pooled_features
from study.pictures import UnreadablePicture

ATTENTION, TOKENS = ("attention_distance", "attention_nmi"), ("token_similarity", "relative_log_amplitude")


def test_one_value_for_each_metric_and_depth(small_recipe, small_objective, pictures):
    table = Diagnostics(small_recipe(), pictures()).measured(small_objective("simmim").encoder, 300)
    depths = table.groupby("metric")["depth"].apply(list).to_dict()
    assert list(table) == ["images", "metric", "depth", "value", "convention"]
    named = table[table["convention"] == "park2023"]
    assert set(named["metric"]) == {*ATTENTION} and table.drop(named.index)["convention"].eq("").all()
    assert depths == {
        **{name: [1, 2] for name in ATTENTION},
        **{name: [0, 1, 2] for name in TOKENS},
        "knn_patches": [2],
        "knn_class_token": [2],
    }
    assert table["images"].eq(300).all() and table["value"].notna().all()


def test_values_are_those_of_measure(small_recipe, small_objective, pictures):
    encoder, recipe, images = small_objective("simmim").encoder, small_recipe(), pictures()
    table = Diagnostics(recipe, images).measured(encoder, 0).set_index(["metric", "depth"])["value"]
    batches = list(evenly(images, 5, View.of(recipe)).batches(2))
    metrics = {"distance": ops.attention_distance, "amplitude": ops.relative_log_amplitude}
    own = measure(encoder.eval(), batches, metrics, progress=False)
    distance = own[(own["metric"] == "distance") & (own["depth"] == 2)]["value"].mean()
    amplitude = own[(own["metric"] == "amplitude") & (own["depth"] == 1)]
    amplitude = amplitude[amplitude["component"] == amplitude["component"].max()]["value"].mean()
    assert table["attention_distance", 2] == pytest.approx(distance, rel=1e-6)
    assert table["relative_log_amplitude", 1] == pytest.approx(amplitude, rel=1e-6)


@pytest.mark.parametrize("method", ["mocov3", "simmim", "mae", "hybrid", "supervised"])
def test_the_training_does_not_notice(method, small_recipe, small_objective, pictures):
    objective = small_objective(method).train()
    objective.encoder.blocks[1].eval()  # modes may differ between modules
    parameter = next(p for p in objective.parameters() if p.requires_grad)
    parameter.grad = torch.full_like(parameter, 3)
    modes = [module.training for module in objective.modules()]
    state = {name: value.clone() for name, value in objective.state_dict().items()}
    random = torch.random.get_rng_state()
    Diagnostics(small_recipe(method), pictures()).measured(objective.encoder, 0)
    assert [module.training for module in objective.modules()] == modes
    assert parameter.grad.eq(3).all() and parameter.requires_grad
    torch.testing.assert_close(objective.state_dict(), state, rtol=0, atol=0)
    assert torch.random.get_rng_state().equal(random)


def test_neighbours_know_red_from_blue(small_recipe, small_objective, pictures):
    test = pictures(30, ("blue", "red"))  # the same classes by other numbers
    test.labels = [1 - label for label in test.labels]
    table = Diagnostics(small_recipe(), pictures(), test).measured(small_objective("simmim").encoder, 0)
    assert table[table["metric"] == "knn_patches"]["value"].item() == 1


def test_labels_that_mean_nothing_give_chance(small_recipe, small_objective, pictures):
    images = pictures(600)
    random = torch.randint(0, 2, (600,), generator=torch.Generator().manual_seed(0))
    images.labels = random.tolist()
    recipe = small_recipe("simmim", "WATCH.KNN_BANK", 400, "WATCH.KNN_QUERIES", 200)
    table = Diagnostics(recipe, images).measured(small_objective("simmim").encoder, 0)
    assert 0.3 < table[table["metric"] == "knn_patches"]["value"].item() < 0.7


def test_without_labels_no_neighbours(small_recipe, small_objective, pictures):
    images = pictures(classes=())
    images.labels = None
    table = Diagnostics(small_recipe(), images).measured(small_objective("simmim").encoder, 0)
    assert set(table["metric"]) == {*ATTENTION, *TOKENS}


def test_classes_that_the_training_does_not_have_are_refused(small_recipe, small_objective, pictures):
    watch = Diagnostics(small_recipe(), pictures(), pictures(20, ("red", "green")))
    with pytest.raises(ValueError, match=r"WATCH\.PATH has the classes green"):
        watch.measured(small_objective("simmim").encoder, 0)


def test_features_are_the_mean_patch_and_the_class_token():
    tokens = torch.tensor([[[9.0], [5.0], [1.0], [3.0]]])
    assert {name: value.item() for name, value in pooled_features(tokens, 2, 1).items()} == {
        "knn_patches": 2,
        "knn_class_token": 9,
    }
    assert list(pooled_features(tokens, 0, 0)) == ["knn_patches"]


def test_images_are_cropped_in_the_middle_and_normalised():
    picture = Image.new("RGB", (8, 4), (255, 0, 51))
    picture.paste((0, 0, 0), (0, 0, 2, 4))  # outside the centre
    view = View(4, (0.5, 0.5, 0.0), (0.5, 0.25, 0.1))
    batch = view.batch([view.pixels(picture)])
    assert batch.shape == (1, 3, 4, 4)
    torch.testing.assert_close(batch[0], torch.tensor([1.0, -2.0, 2.0])[:, None, None].expand(3, 4, 4))


def test_no_image_is_its_own_neighbour(small_recipe, pictures):
    images = pictures(60)
    for bank, count in [(20, 10), (5000, 1000)]:
        voting, asked = bank_and_queries(images, images, bank, count, View.of(small_recipe()))
        assert not {*voting.indices} & {*asked.indices}
        assert len(voting) + len(asked) == min(60, bank + count)
        assert len(asked) == 10


def test_in_place_of_a_broken_image_stands_the_next_of_its_class(pictures):
    class Broken(list):
        def __getitem__(self, index):
            if index == 2:
                raise UnreadablePicture("2.png is no readable image")
            return super().__getitem__(index)

    images, view = pictures(6), View(4, (0.5,) * 3, (0.5,) * 3)
    whole = evenly(images, 6, view)
    expected = torch.cat(list(whole.batches(4)))
    images.pictures = Broken(images.pictures)
    with pytest.warns(BrokenImages, match=r"2\.png is no readable image"):
        found = torch.cat(list(whole.batches(4)))
    torch.testing.assert_close(found, expected[[0, 1, 4, 3, 4, 5]], rtol=0, atol=0)


def test_the_table_grows_and_is_cut_off(tmp_path, small_recipe, small_objective, pictures):
    encoder = small_objective("simmim").encoder
    watch = Diagnostics(small_recipe(), pictures(), folder=tmp_path)
    for images in (0, 100, 200):
        watch.measured(encoder, images)
    Diagnostics(small_recipe(), pictures(), folder=tmp_path, position=100).measured(encoder, 300)
    assert pd.read_csv(tmp_path / "diagnostics.csv")["images"].unique().tolist() == [0, 100, 300]


def test_a_table_of_an_earlier_version_goes_on_and_is_drawn(tmp_path, small_recipe, small_objective, pictures):
    encoder, file = small_objective("simmim").encoder, tmp_path / "diagnostics.csv"
    Diagnostics(small_recipe(), pictures(), folder=tmp_path).measured(encoder, 100)
    pd.read_csv(file).drop(columns="convention").to_csv(file, index=False)
    assert plot_run(tmp_path)
    Diagnostics(small_recipe(), pictures(), folder=tmp_path, position=100).measured(encoder, 200)
    table = pd.read_csv(file)
    assert table["images"].unique().tolist() == [100, 200]
    assert set(table[table["convention"] == "park2023"]["images"]) == {200}
    assert plot_run(tmp_path)

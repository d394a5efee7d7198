import torch
from torch import nn

from pretraining.training.precision import scaler
from pretraining.training.step import forward_seed, optimiser_step

CPU = torch.device("cpu")


class Line(nn.Module):
    """Mean squared error of a linear model with dropout, as an objective returns it."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch):
        loss = self.dropout(self.linear(batch["image"])).square().mean()
        return {"loss": loss, "twice": 2 * loss.detach()}


def stepped(model, parts, clip=0.0, seeds=None):
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    seeds = seeds or list(range(len(parts)))
    batches = [{"image": part} for part in parts]
    return optimiser_step(
        model, optimiser, scaler(CPU, "float32"), batches, precision="float32", clip=clip, seeds=seeds
    )


def line(**options):
    torch.manual_seed(1)
    return Line(**options).double()


def test_accumulated_parts_equal_the_whole_batch():
    images = torch.randn(8, 3, dtype=torch.float64)
    whole, split = line(), line()
    expected, found = stepped(whole, [images]), stepped(split, list(images.chunk(4)))
    for name in ("loss", "twice", "grad_norm"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-12, atol=0)
    torch.testing.assert_close(split.state_dict(), whole.state_dict(), rtol=1e-12, atol=1e-15)


def test_clipping_bounds_the_update_and_reports_the_norm_before():
    images = 100 * torch.randn(8, 3, dtype=torch.float64)
    model = line()
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    norm = stepped(model, [images], clip=0.5)["grad_norm"]
    moved = (torch.cat([p.detach().flatten() for p in model.parameters()]) - before).norm()
    assert norm > 10
    torch.testing.assert_close(moved.item(), 0.5, rtol=1e-5, atol=0)


def test_what_is_random_depends_on_the_seed_alone():
    images = torch.randn(64, 3, dtype=torch.float64)
    first = stepped(line(dropout=0.5), [images], seeds=[7])["loss"]
    torch.randn(5)
    assert stepped(line(dropout=0.5), [images], seeds=[7])["loss"] == first
    assert stepped(line(dropout=0.5), [images], seeds=[8])["loss"] != first


def test_every_place_has_a_seed_of_its_own():
    places = [(seed, seen, rank, part) for seed in (0, 1) for seen in (0, 256) for rank in (0, 1) for part in (0, 1)]
    assert len({forward_seed(*place) for place in places}) == len(places)

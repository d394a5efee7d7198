"""Several processes give what one process gives on the joined batch."""

import json

import numpy as np
import pytest
import torch

from pretraining.objectives import build_objective
from pretraining.objectives.contrastive import contrastive_loss
from pretraining.recipe import parsed, recipe_text
from tests.pretraining.objectives.processes import found
from tests.pretraining.objectives.recipes import small_recipe

RECIPES = {
    "mocov3": ("mocov3",),
    "simmim": ("simmim",),
    "mae": ("mae",),
    "supervised": ("supervised",),
    "finetune without mixing": ("finetune", "FINETUNE.MIXUP", 0.0, "FINETUNE.CUTMIX", 0.0, "FINETUNE.HEAD_STD", 0.02),
    "hybrid": ("hybrid", "HYBRID.DECODER_DEPTH", 1),
    "hybrid without contrast": ("hybrid", "HYBRID.LAMBDA", 0.0),
    "hybrid without mask": ("hybrid", "HYBRID.LAMBDA", 1.0),
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
CASES = [(name, dtype) for name in RECIPES for dtype in TOLERANCE]
WORLDS = (1, 2, 3)


@pytest.fixture(scope="module")
def contrast_jobs(golden):
    """The golden cases of the contrastive loss on 1, 2 and 3 processes, with the official results."""
    file = np.load(golden / "objectives" / "moco_v3" / "contrastive.npz")
    jobs = []
    for case in json.loads(str(file["meta"]))["cases"]:
        arrays = {key: torch.from_numpy(file[f"{case['name']}/{key}"]) for key in ("q", "k", "loss", "grad_q")}
        jobs.append({"kind": "contrast", "processes": case["world"], "temperature": case["T"], **arrays})
    return jobs


def joined_batch(dtype):
    """Eight images for every method; the masks of the two halves are of unequal size."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(3, 8, 3, 16, 16, generator=random, dtype=torch.float64).to(dtype)
    mask = (torch.rand(8, 4, 4, generator=random) < torch.linspace(0.2, 0.8, 8)[:, None, None]).long()
    noise = torch.rand(8, 16, generator=random)
    label = torch.randint(3, (8,), generator=random)
    views = dict(zip(("image", "view1", "view2"), images, strict=True))
    return {**views, "mask": mask, "noise": noise, "label": label}


@pytest.fixture(scope="module")
def step_jobs():
    return [
        {
            "kind": "first_step",
            "processes": 2,
            "recipe": recipe_text(small_recipe(*RECIPES[name])),
            "dtype": dtype,
            "batch": joined_batch(dtype),
        }
        for name, dtype in CASES
    ]


@pytest.fixture(scope="module")
def results(contrast_jobs, step_jobs, tmp_path_factory):
    """Of all jobs: the processes are started once."""
    return found([*contrast_jobs, *step_jobs], tmp_path_factory.mktemp("processes"), processes=max(WORLDS))


@pytest.mark.parametrize("case", range(len(WORLDS)), ids=[f"{world} processes" for world in WORLDS])
def test_golden_contrastive_loss(case, contrast_jobs, results):
    wanted = contrast_jobs[case]
    assert len(results[case]) == WORLDS[case]
    for rank, result in enumerate(results[case]):
        torch.testing.assert_close(result["loss"], wanted["loss"][rank], rtol=2e-6, atol=0)
        torch.testing.assert_close(result["gradient"], wanted["grad_q"][rank], rtol=1e-5, atol=1e-6)


def test_contrastive_loss_of_processes_is_that_of_the_joined_batch(contrast_jobs, results):
    job = contrast_jobs[1]
    joined = contrastive_loss(job["q"].flatten(0, 1), job["k"].flatten(0, 1), temperature=job["temperature"])
    mean = torch.stack([result["loss"] for result in results[1]]).mean()
    torch.testing.assert_close(mean, joined)


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{name} {dtype}" for name, dtype in CASES])
def test_first_step(case, contrast_jobs, step_jobs, results):
    job, ranks = step_jobs[case], results[len(contrast_jobs) + case]
    torch.manual_seed(0)
    objective = build_objective(parsed(job["recipe"]), classes=3).to(job["dtype"])
    parts = objective(job["batch"])
    parts["loss"].backward()
    tolerance = {"rtol": TOLERANCE[job["dtype"]], "atol": TOLERANCE[job["dtype"]]}
    for name, value in parts.items():
        mean = torch.stack([result["parts"][name] for result in ranks]).mean()
        torch.testing.assert_close(mean, value.detach(), **tolerance)
    wanted = {name: p.grad for name, p in objective.named_parameters() if p.grad is not None}
    largest = max(value.abs().max().item() for value in wanted.values())
    for result in ranks:
        torch.testing.assert_close(result["gradients"], wanted, rtol=0, atol=tolerance["atol"] * max(1, largest))
        torch.testing.assert_close(result["state"], objective.state_dict(), **tolerance)

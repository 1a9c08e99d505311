"""A pretrained network small enough for tests: random filters, a stem and two blocks."""

import torch
from torch import nn

from burnish.tasks.backbones import Backbone, Mean
from burnish.tasks.pretrained import PretrainedEncoder

WIDTH = 12


def tiny(seed: int = 0, packaged: bool = True) -> PretrainedEncoder:
    """An encoder of 16 px with 12 features."""
    torch.manual_seed(seed)
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    middle = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    last = nn.Sequential(nn.Conv2d(8, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU(), Mean())
    blocks = nn.Sequential(stem, middle, last).eval()
    return PretrainedEncoder(Backbone("tiny", blocks, 16, WIDTH, (127.0,) * 3, (128.0,) * 3, packaged))

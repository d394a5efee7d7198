"""A ViT as one would write it oneself, its attention in several ways."""

import torch
import torch.nn.functional as F
from torch import nn


class OwnAttention(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.qkv, self.out = nn.Linear(48, 144), nn.Linear(48, 48)
        self.kind = kind

    def forward(self, x):
        batch, tokens, channels = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, 4, 12).permute(2, 0, 3, 1, 4)
        y = getattr(self, self.kind)(q, k, v)
        return self.out(y.transpose(1, 2).reshape(batch, tokens, channels))

    def matmul(self, q, k, v):
        return torch.softmax(q @ k.transpose(-1, -2) * 12**-0.5, dim=-1) @ v

    def einsum(self, q, k, v):
        weights = (torch.einsum("bhid,bhjd->bhij", q, k) * 12**-0.5).softmax(dim=-1)
        return torch.einsum("bhij,bhjd->bhid", weights, v)

    def bmm(self, q, k, v):
        flat = [tensor.flatten(0, 1) for tensor in (q, k, v)]
        weights = F.softmax(torch.bmm(flat[0], flat[1].transpose(1, 2)) * 12**-0.5, dim=-1)
        return torch.bmm(weights, flat[2]).unflatten(0, (len(q), 4))

    def sdpa(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)

    def dropout(self, q, k, v):
        weights = torch.softmax(q @ k.transpose(-1, -2) * 12**-0.5, dim=-1)
        return F.dropout(weights, 0.5, training=True) @ v

    def over_queries(self, q, k, v):
        return torch.softmax(q @ k.transpose(-1, -2) * 12**-0.5, dim=-2) @ v

    def hidden(self, q, k, v):
        weights = (q @ k.transpose(-1, -2) * 12**-0.5).exp()
        return (weights / weights.sum(-1, keepdim=True)) @ v


class OwnBlock(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.norm1, self.mix = nn.LayerNorm(48), OwnAttention(kind)
        self.norm2, self.mlp = nn.LayerNorm(48), nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48))

    def forward(self, x):
        x = x + self.mix(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class OwnViT(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Conv2d(3, 48, 16, 16)
        self.layers = nn.ModuleList(OwnBlock(kind) for _ in range(3))

    def forward(self, images):
        x = self.embed(images).flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return x


class InPlaceBlock(OwnBlock):
    def forward(self, x):
        x += self.mix(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class WholeInPlaceBlock(OwnBlock):
    def forward(self, x):
        x = x + self.mix(self.norm1(x))
        x += self.mlp(self.norm2(x))
        return x


class ListOfLists(nn.Module):
    """Attention and MLP of each layer in a list without a forward of its own."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 48, 16, 16)
        pairs = [nn.ModuleList([OwnAttention("matmul"), nn.Linear(48, 48)]) for _ in range(3)]
        self.layers = nn.ModuleList(pairs)

    def forward(self, images):
        x = self.embed(images).flatten(2).transpose(1, 2)
        for attention, mlp in self.layers:
            x = x + attention(x)
            x = x + mlp(x)
        return x

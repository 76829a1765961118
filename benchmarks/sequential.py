"""Peers that read histories in order: SASRec and GRU4Rec, in plain PyTorch.

Nets and settings are RecBole's defaults: SASRec (Kang and McAuley 2018, arXiv 1808.09781) with two
layers of two heads, 64 wide, 256 inside, dropout 0.5, GELU, the latest 50 items, normalised after
each half; GRU4Rec (Hidasi et al. 2016, arXiv 1511.06939) with vectors of 64, one layer of 128,
dropout 0.3. Adam at 1e-3, full cross-entropy over all items, at most 300 epochs, the best of
validation MRR@10 after 10 epochs without a better one.

One thing differs: RecBole makes a row of every beginning of a history and learns its next item
alone; here each piece of 50 items is one row, and every place in it learns what comes next, as
SASRec's authors do. That is the same task for a fiftieth of the work.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.sequential import LATEST, pieces

WIDTH, INSIDE, HEADS, LAYERS, DROPOUT = 64, 256, 2, 2, 0.5
HIDDEN, GRU_DROPOUT = 128, 0.3
RATE, EPOCHS, PATIENCE, ROWS = 1e-3, 300, 10, 32
BLOCK = 256  # users who are scored at once

Ints = NDArray[np.int64]
Scores = Callable[[Histories, Ints], NDArray[np.float32]]


class SasRec(nn.Module):
    """Self-attention over the items before. items: their number, which also stands for none."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.item = nn.Embedding(items + 1, WIDTH, padding_idx=items)
        self.place = nn.Embedding(LATEST, WIDTH)
        self.norm, self.drop = nn.LayerNorm(WIDTH, 1e-12), nn.Dropout(DROPOUT)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, INSIDE, DROPOUT, "gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.later = torch.full((LATEST, LATEST), -torch.inf).triu(1)
        self.apply(_drawn)

    def forward(self, item: Tensor) -> Tensor:
        """(rows, places, WIDTH) what comes after each place. item: (rows, places) int64."""
        length = item.shape[1]
        known = self.drop(self.norm(self.item(item) + self.place.weight[:length]))
        states: Tensor = self.layers(known, mask=self.later[:length, :length])
        return states


class Gru4Rec(nn.Module):
    """A recurrent net over the items before. items: as for SasRec."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.item = nn.Embedding(items + 1, WIDTH, padding_idx=items)
        self.drop = nn.Dropout(GRU_DROPOUT)
        self.recurrent = nn.GRU(WIDTH, HIDDEN, bias=False, batch_first=True)
        self.out = nn.Linear(HIDDEN, WIDTH)
        nn.init.xavier_normal_(self.item.weight)
        for weight in self.recurrent.parameters():
            nn.init.xavier_uniform_(weight)

    def forward(self, item: Tensor) -> Tensor:
        """As SasRec."""
        states: Tensor = self.out(self.recurrent(self.drop(self.item(item)))[0])
        return states


def _drawn(module: nn.Module) -> None:
    """Weights as RecBole draws them."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.MultiheadAttention):
        nn.init.normal_(module.in_proj_weight, 0, 0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


NETS: dict[str, type[SasRec] | type[Gru4Rec]] = {"SASRec": SasRec, "GRU4Rec (RecBole)": Gru4Rec}


def rows_of(own: Histories, first: Ints, last: Ints, most: int = LATEST) -> Tensor:
    """(rows, most) int64: ``item[first:last]`` of each, then filled up with ``items``."""
    place = first[:, None] + np.arange(most)
    inside = place < last[:, None]
    return torch.from_numpy(np.where(inside, own.item[np.where(inside, place, 0)], own.items))


def scores_of(net: SasRec | Gru4Rec) -> Scores:
    """(users, items) products of all items with the state after the latest one."""

    @torch.no_grad()
    def scores(own: Histories, _: Ints) -> NDArray[np.float32]:
        net.eval()
        found = []
        for at in range(0, len(own), BLOCK):
            last = own.start[at + 1 : at + 1 + BLOCK]
            first = np.maximum(own.start[at : at + len(last)], last - LATEST)
            states = net(rows_of(own, first, last))
            latest = states[torch.arange(len(last)), torch.from_numpy(last - first) - 1]
            found.append((latest @ net.item.weight[:-1].T).numpy())
        return np.concatenate(found)

    return scores


def fitted(
    name: str, train: Histories, judge: Callable[[Scores], float], seed: int
) -> tuple[Scores, int]:
    """The scores of a net, and how many epochs it learned. judge: validation MRR@10."""
    torch.manual_seed(seed)
    net = NETS[name](train.items)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    first, last = pieces(train)
    begins = train.start[np.searchsorted(train.start, last) - 1]
    rows = rows_of(train, np.maximum(first - 1, begins), last, LATEST + 1)
    best, at, state = -1.0, 0, net.state_dict()
    for epoch in range(1, EPOCHS + 1):
        net.train()
        for index in torch.split(torch.randperm(len(rows)), ROWS):
            item, wanted = rows[index, :-1], rows[index, 1:]
            there = wanted < train.items
            logits = net(item)[there] @ net.item.weight[:-1].T
            optimizer.zero_grad()
            cross_entropy(logits, wanted[there]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        score = judge(scores_of(net))
        if score > best:
            best, at = score, epoch
            state = {key: one.clone() for key, one in net.state_dict().items()}
        if epoch - at >= PATIENCE:
            break
    net.load_state_dict(state)
    return scores_of(net), at

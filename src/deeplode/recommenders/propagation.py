"""Graph filter: interest spreads from the items of a history to their users and on to their items.

The linear and the low-pass filter of GF-CF (Shen et al. 2021, arXiv 2108.07567), with powers of
their own for how much long histories and popular items count, and the sharpening of BSPM (Choi et
al. 2023, arXiv 2211.09324), along the strongest directions only: there it brings what it brings
along all, and costs a user nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import Tensor
from torch.nn.functional import embedding_bag

from deeplode.detectors.detector import kept
from deeplode.nets.products import filled, multiply, steady
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import checked, products_of_columns, scored_densely
from deeplode.recommenders.lowpass import Directions, spread, strongest_directions
from deeplode.recommenders.netloop import by_block
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of
from deeplode.runtime import Budget

FEW = 4096  # items up to which all pairs are held


@dataclass(frozen=True, eq=False)
class GraphFilter:
    """learned: the histories that interest spreads along. low: the strongest directions of G; None
    = there is no low-pass part.

    setting: users, given and wanted, the powers: of a user's items, of the users of an item of the
    history, of the users of the item scored. low: how loud the low-pass part is, in values of its
    quietest direction. sharp: how much of what spreads once more, from there, is taken off.
    """

    learned: Histories
    setting: Setting
    low: Directions | None = None

    def scores(self, histories: Histories) -> Floats:
        """(users, items): h D^(wanted - given) (GᵀG + low λ VVᵀ - sharp V(Λ + low λ)VᵀSᵀS), for
        G = U^(-users / 2) X D^-wanted and S = U^-½ X D^-½; X = who had what, D = users of each
        item, U = items of each user, V and Λ = the strongest directions of G, λ = the least of
        their values."""
        given = checked(histories, self.learned.items)
        if given.items <= FEW:
            return scored_densely(given, np.arange(given.items, dtype=np.int32), self._pairs)
        weighed = csr_array(given.matrix * self._weight)
        found = np.asarray((weighed @ self._item_users @ self._user_items).toarray(), np.float32)
        return found if self.low is None else found + self._passed(weighed, self.low)

    def _passed(self, weighed: csr_array, low: Directions) -> Floats:
        """(users, items) of the low-pass part. weighed: (users, items) h D^(wanted - given)."""
        heard, told = torch.from_numpy(low.vector), filled(torch.from_numpy(self._told), 0)

        def work(index: NDArray[np.int64]) -> Tensor:
            own = weighed[index]
            item, start = (torch.from_numpy(a.astype(np.int64)) for a in (own.indices, own.indptr))
            weight = torch.from_numpy(own.data)
            user = embedding_bag(
                item, heard, start, mode="sum", per_sample_weights=weight, include_last_offset=True
            )
            return steady(user, told.T)

        return by_block(weighed.shape[0], weighed.shape[1], work)

    def facts(self) -> dict[str, Any]:
        """The setting."""
        return {"setting": dict(self.setting)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The histories, each item once, how many users had each item, and the directions."""
        own = self.learned.matrix
        return {
            "start": own.indptr.astype(np.int64),
            "item": own.indices.astype(np.int32),
            "users": self._users.astype(np.int64),
            **({} if self.low is None else vars(self.low)),
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        setting = setting_of(facts)
        if any(abs(setting[name]) > 4 for name in ("users", "given", "wanted")):
            raise ValueError("powers must be in -4 … 4.")
        if any(not 0 <= setting.get(name, 0.0) <= 1000 for name in ("low", "sharp")):
            raise ValueError("low and sharp must be in 0 … 1000.")
        users = kept(arrays, "users", "int64", -1)
        item = kept(arrays, "item", "int32", -1).astype(np.int64)
        low = Directions.of(arrays, len(users)) if setting.get("low") else None
        one = cls(Histories(len(users), kept(arrays, "start", "int64", -1), item), setting, low)
        if (one._users != users).any():
            raise ValueError("users must count those of each item.")
        return one

    @cached_property
    def _users(self) -> NDArray[np.float32]:
        return np.asarray(self.learned.matrix.sum(0), np.float32).ravel()

    @cached_property
    def _weight(self) -> NDArray[np.float32]:
        power = self.setting["wanted"] - self.setting["given"]
        return np.asarray(np.maximum(self._users, 1) ** power, np.float32)

    @cached_property
    def _user_items(self) -> csr_array:
        return normalised(self.learned, self.setting["users"], self.setting["wanted"])

    @cached_property
    def _item_users(self) -> csr_array:
        return csr_array(self._user_items.T.tocsr())

    @cached_property
    def _told(self) -> Floats:
        """(items, directions): what each direction tells of each item."""
        assert self.low is not None
        value, vector = self.low.value, self.low.vector
        loud = np.float32(self.setting["low"]) * value[0]
        plain = normalised(self.learned, 1.0, 0.5)
        once_more = spread(plain, vector * (value + loud), Budget())
        assert once_more is not None
        return np.asarray(loud * vector - np.float32(self.setting["sharp"]) * once_more)

    @cached_property
    def _pairs(self) -> Floats:
        pairs = products_of_columns(self._user_items)
        if self.low is not None:
            heard, told = torch.from_numpy(self.low.vector), torch.from_numpy(self._told)
            pairs += multiply(heard[None], told.T[None], torch.empty_like(pairs)[None])[0]
        return pairs.mul_(torch.from_numpy(self._weight)[:, None]).numpy()


def normalised(histories: Histories, users: float, wanted: float) -> csr_array:
    """(users, items) float32 U^(-users / 2) X D^-wanted."""
    own = histories.matrix
    items, length = (np.maximum(own.sum(axis), 1).astype(np.float32) for axis in (0, 1))
    left = diags_array(length ** -np.float32(users / 2))
    return csr_array(left @ own @ diags_array(items ** -np.float32(wanted)))


def fit_graph_filter(histories: Histories, setting: Setting, grounds: Grounds) -> GraphFilter:
    """Keep the histories, and find their strongest directions. setting: as of a graph filter."""
    low = None
    if setting.get("low"):
        given = normalised(histories, setting["users"], setting["wanted"])
        low = strongest_directions(given, grounds)
    return GraphFilter(histories, setting if low is not None else {**setting, "low": 0.0}, low)

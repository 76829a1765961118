"""Ways: the ways of recommending that stand beside each other on the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping

from deeplode.recommenders.popularity import Popularity, fit_popularity
from deeplode.recommenders.scorer import Way

# In the order of the leaderboard, which is that of fitting: quick ones first.
WAYS: Mapping[str, Way] = {
    "popularity": Way(fit_popularity, ({},), Popularity.restore),
}

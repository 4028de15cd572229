"""Whether ranks and deciles follow from the scores, of rows that pass by once in any order."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_KEPT = {"rank": np.int32, "score": np.float64, "user_id": np.int64, "decile": np.int16}
"""22 bytes a row, for as long as the check takes."""
_NO_VALUE = {"rank": -1, "score": -1, "user_id": -1, "decile": 0}
"""For nulls: no rank, and no tenth of it."""


@dataclass
class Ranks:
    """The ranks of each campaign."""

    erased_users: int
    """How many more were scored and then left out: their ranks are missing."""
    campaigns: dict[str, list[dict[str, NDArray[Any]]]] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep what the check needs of some rows."""
        coded = pc.dictionary_encode(batch.column("campaign_id"))
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        columns = {
            name: batch.column(name)
            .fill_null(_NO_VALUE[name])
            .to_numpy(zero_copy_only=False)
            .astype(kind)
            for name, kind in _KEPT.items()
        }
        for number, campaign in enumerate(coded.dictionary.to_pylist()):
            is_mine = codes == number
            mine = {name: values[is_mine] for name, values in columns.items()}
            self.campaigns.setdefault(campaign, []).append(mine)

    def problems(self) -> list[str]:
        """Campaigns whose ranks aren't 1 to n by score and user, or whose deciles don't follow."""
        wrong = []
        for campaign, parts in sorted(self.campaigns.items()):
            columns = {name: np.concatenate([part[name] for part in parts]) for name in _KEPT}
            misranked, deciles = misplaced(columns, self.erased_users)
            if misranked:
                wrong.append(
                    f"{campaign}: {misranked} ranks aren't 1 to n in the order of the scores"
                )
            if deciles:
                wrong.append(f"{campaign}: {deciles} deciles don't follow from the ranks")
        return wrong


def misplaced(columns: dict[str, NDArray[Any]], erased_users: int) -> tuple[int, int]:
    """Rows of one campaign with a wrong rank, and rows with a wrong decile.

    Args:
        columns: `rank`, `score`, `user_id`, `decile`; shape (rows,) each, in any order.
        erased_users: So many ranks may be missing.
    """
    order = np.argsort(columns["rank"], kind="stable")
    rank, score, user, decile = (columns[name][order] for name in _KEPT)
    place = np.arange(1, len(rank) + 1)
    is_wrong = (rank < place) | (rank > place + erased_users)
    above, tied = score[1:] > score[:-1], score[1:] == score[:-1]
    is_wrong[1:] |= (rank[1:] == rank[:-1]) | above | (tied & (user[1:] < user[:-1]))
    return int(is_wrong.sum()), int((decile != tenth(rank, len(rank) + erased_users)).sum())


def tenth(rank: NDArray[Any], scored: int) -> NDArray[np.int64]:
    """The tenth of a rank, as ntile(10) has it: where tenths can't be equal, the first are larger.

    Of 23, ranks 1 to 3 are the first tenth, 4 to 6 the second, 7 to 9 the third, 10 and 11 the
    fourth.
    """
    size, larger = divmod(scored, 10)
    ranks = rank.astype(np.int64)
    cut = larger * (size + 1)
    of_larger = (ranks - 1) // (size + 1) + 1
    of_others = larger + (ranks - cut - 1) // max(size, 1) + 1
    return np.where(ranks <= cut, of_larger, of_others)

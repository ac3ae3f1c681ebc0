"""What one request reads: every thing once, and what a whole level of it wants at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel
from strawberry.dataloader import DataLoader

from functions.graphql.pages import Asked, Page, Wanted, page_of, wanted
from shared.access import masked
from shared.db import Tx
from shared.graph import Kind, Listed, ToMany

Loader: TypeAlias = DataLoader[Any, Any]


class Reading:
    """A request's transaction, and the loaders that gather what is to be read in it."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self._loaders: dict[Hashable, Loader] = {}
        self._wanted: dict[Hashable, Wanted] = {}

    def one(
        self,
        kind: Kind,
        find: Callable[[Tx, Sequence[Any]], Sequence[BaseModel]],
        key: str,
        value: Any,
        place: Hashable = (),
    ) -> Awaitable[BaseModel | None]:
        """The one of this kind whose attribute `key` is `value`, or None. Those of one `place` are
        read at once; those of several apart, even where they are the same, so that how many
        statements there are depends on the document alone.
        """

        async def load(values: list[Any]) -> list[BaseModel | None]:
            found = {getattr(one, key): one for one in find(self.tx, values)}
            return [masked(self.tx.access, found.get(value)) for value in values]

        return self._loader((kind.name, find, key, place), load).load(value)

    def page(self, link: ToMany, place: Hashable, asked: Asked, value: Any) -> Awaitable[Page]:
        """The page that is asked for of those that belong to `value`. The same is asked of all that
        are at one `place` of the document.
        """
        named = (link.on, link.name, place)
        if named not in self._wanted:
            self._wanted[named] = wanted(asked, link.of, self.tx.access)
        want = self._wanted[named]

        async def load(values: list[Any]) -> list[Page]:
            belonging: dict[Any, list[BaseModel]] = {value: [] for value in values}
            for one in link.find(self.tx, values, want.reading):
                belonging[getattr(one, link.key)].append(one)
            return [page_of(masked(self.tx.access, belonging[value]), want) for value in values]

        return self._loader(named, load).load(value)

    def listed(self, listed: Listed, asked: Asked) -> Page:
        """The page that is asked for of all there are."""
        want = wanted(asked, listed.of, self.tx.access)

        def count(most: int) -> int:
            return listed.count(self.tx, want.listing, most)

        found = listed.find(self.tx, want.reading)
        return page_of(masked(self.tx.access, found), want, count)

    def _loader(
        self, named: Hashable, load: Callable[[list[Any]], Awaitable[Sequence[Any]]]
    ) -> Loader:
        if named not in self._loaders:
            self._loaders[named] = DataLoader(load)
        return self._loaders[named]

"""How large a document may be, whatever it asks of: counted before it is validated.

Everything is counted as it would be executed, so a fragment counts wherever it is spread; each one
is looked at once, whatever hangs together how. What strawberry and graphql-core offer for this
walks a fragment anew at every spread, which doubles with every one that spreads another twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from functions.graphql.models import TooComplex
from shared.errors import FieldError

MOST_TOKENS = 2_000
MOST_COMMENTS = 500
DEEPEST = 10
MOST_FIELDS = 1_000
MOST_ALIASES = 50
MOST_DIRECTIVES = 50
MOST_OPERATIONS = 10
MOST_DEFINITIONS = 50
MOST_ALIKE = 10
"""Fields of one name beside each other: validation compares each with each, and what is in them."""
_INTROSPECTION = {"__schema", "__type"}
_AT = "/query"


class Size(NamedTuple):
    """How large a selection is. `depth` is how many fields are within each other; what a document
    asks about the schema itself has none.
    """

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0
    alike: int = 0

    def beside(self, other: Size) -> Size:
        """Both, next to each other; no more than is worth counting."""
        return Size(
            min(self.fields + other.fields, MOST_FIELDS + 1),
            min(self.aliases + other.aliases, MOST_ALIASES + 1),
            min(self.directives + other.directives, MOST_DIRECTIVES + 1),
            max(self.depth, other.depth),
            max(self.alike, other.alike),
        )


@dataclass(frozen=True, slots=True)
class _Limit:
    name: str
    most: int
    code: str


_LIMITS = (
    _Limit("fields", MOST_FIELDS, "too_many_fields"),
    _Limit("aliases", MOST_ALIASES, "too_many_aliases"),
    _Limit("directives", MOST_DIRECTIVES, "too_many_directives"),
    _Limit("depth", DEEPEST, "too_deep"),
    _Limit("alike", MOST_ALIKE, "too_many_alike"),
)


def check_size(document: DocumentNode) -> None:
    """Refuse a document that is too large.

    Raises:
        TooComplex: it is; its errors name every limit that it exceeds.
    """
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    fragments = fragments_of(document)
    if len(operations) > MOST_OPERATIONS or len(document.definitions) > MOST_DEFINITIONS:
        detail = f"expected {MOST_OPERATIONS} operations and {MOST_DEFINITIONS} definitions at most"
        raise TooComplex(errors=(FieldError(_AT, detail, "too_many_definitions"),))
    sizes = _Sizes(fragments)
    whole = Size()
    for one in operations:
        whole = whole.beside(_directives(one)).beside(sizes.of(one.selection_set))
    wrong = tuple(
        FieldError(_AT, f"{limit.name}: at most {limit.most}", limit.code)
        for limit in _LIMITS
        if getattr(whole, limit.name) > limit.most
    )
    if wrong:
        raise TooComplex(errors=wrong)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """A document's fragments by their names."""
    found = (d for d in document.definitions if isinstance(d, FragmentDefinitionNode))
    return {one.name.value: one for one in found}


class _Sizes:
    """The sizes of selections, each fragment's once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}

    def of(self, selection_set: SelectionSetNode | None) -> Size:
        size = Size(alike=_alike(selection_set))
        for selection in (selection_set and selection_set.selections) or ():
            size = size.beside(self._of_one(selection))
        return size

    def _of_one(self, selection: SelectionNode) -> Size:
        own = _directives(selection)
        if isinstance(selection, FragmentSpreadNode):
            return own.beside(self._of_fragment(selection.name.value))
        within = self.of(getattr(selection, "selection_set", None))
        if isinstance(selection, FieldNode):
            asks_of_schema = selection.name.value in _INTROSPECTION
            within = within._replace(depth=0 if asks_of_schema else within.depth + 1)
            own = own._replace(fields=1, aliases=int(selection.alias is not None))
        return own.beside(within)

    def _of_fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # a circle is counted once here; validation refuses it
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = _directives(fragment).beside(self.of(fragment.selection_set))
        return self._known[name]


def _directives(
    of: OperationDefinitionNode | FragmentDefinitionNode | SelectionNode,
) -> Size:
    return Size(directives=len(of.directives or ()))


def _alike(selection_set: SelectionSetNode | None) -> int:
    """How many fields of one name there are at most; those of inline fragments are among them."""
    names: Counter[str] = Counter()
    waiting = [selection_set]
    while waiting:
        one = waiting.pop()
        for selection in (one and one.selections) or ():
            if isinstance(selection, FieldNode):
                names[(selection.alias or selection.name).value] += 1
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
    return max(names.values(), default=0)

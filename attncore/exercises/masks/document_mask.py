"""Packed texts: nobody looks into the neighbor's document."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask, document_mask

exercise = code(
    document_mask,
    case("two documents", documents=np.array([4, 4, 7])),
    case("three documents of different lengths", documents=np.array([1, 2, 2, 2, 3, 3])),
    case("one document", documents=np.array([5, 5, 5, 5])),
    case("ids that fall", documents=np.array([9, 9, 3, 3, 3, 0])),
    case("the document with id 0 comes first", documents=np.array([0, 0, 1, 1])),
    case("one token", documents=np.array([2])),
    case(
        "a document that goes on after another",
        promise="Equal ids are one document, next to each other or not.",
        documents=np.array([1, 1, 2, 1, 2]),
    ),
    case(
        "one document for each token",
        promise="Tokens that each have a document of their own see themselves alone.",
        documents=np.array([1, 2, 3]),
    ),
    case(
        "a batch of documents",
        promise="Raises ValueError for documents in more than one axis.",
        documents=np.array([[1, 1, 2], [3, 4, 4]]),
    ),
)


def same(documents):
    return documents[:, None] == documents


@exercise.mistake("documents ignored")
def documents_ignored(documents):
    return causal_mask(len(documents))


@exercise.mistake("not causal inside a document")
def not_causal(documents):
    return same(documents)


@exercise.mistake("causal, or the same document")
def causal_or_the_same(documents):
    return causal_mask(len(documents)) | same(documents)


@exercise.mistake("only other documents are visible")
def only_other_documents(documents):
    return causal_mask(len(documents)) & ~same(documents)


@exercise.mistake("only the later tokens of a document are visible")
def triangle_flipped(documents):
    return same(documents) & causal_mask(len(documents)).T


@exercise.mistake("a token doesn't see itself")
def diagonal_hidden(documents):
    return same(documents) & np.tri(len(documents), k=-1, dtype=bool)


@exercise.mistake("one token ahead is visible")
def one_token_ahead(documents):
    return same(documents) & np.tri(len(documents), k=1, dtype=bool)


@exercise.mistake("earlier documents are visible whole")
def earlier_documents_visible(documents):
    begins = np.array([documents.tolist().index(document) for document in documents])
    return same(documents) & causal_mask(len(documents)) | (np.arange(len(documents)) < begins[:, None])


@exercise.mistake("documents in rising order are visible, by their ids")
def ids_compared_by_size(documents):
    return documents <= documents[:, None]


@exercise.mistake("the first token of the next document is still inside")
def border_one_token_late(documents):
    before = np.concatenate([documents[:1], documents[:-1]])
    return causal_mask(len(documents)) & (before[:, None] == before)


@exercise.mistake("a new document begins wherever the id changes")
def new_document_at_every_change(documents):
    spans = np.cumsum(np.diff(documents, prepend=documents[0]) != 0)
    return causal_mask(len(documents)) & same(spans)


@exercise.mistake("the mask of the documents, not of their tokens")
def mask_of_the_documents(documents):
    return causal_mask(len(np.unique(documents)))


@exercise.mistake("what may be seen is hidden, and the rest seen")
def turned_over(documents):
    return ~document_mask(documents)


@exercise.mistake("document 0 is taken for padding")
def document_zero_taken_for_padding(documents):
    return document_mask(documents) & (documents != 0)


@exercise.mistake("each token sees itself and the one before")
def only_the_token_before(documents):
    return document_mask(documents) & ~np.tri(len(documents), k=-2, dtype=bool)


@exercise.mistake("documents in falling order are visible, by their ids")
def larger_ids_visible(documents):
    return causal_mask(len(documents)) & (documents >= documents[:, None])


@exercise.mistake("documents in rising order are visible, by their ids")
def smaller_ids_visible(documents):
    return causal_mask(len(documents)) & (documents <= documents[:, None])


@exercise.mistake("the document before is visible too")
def document_before_visible(documents):
    places = np.unique(documents, return_inverse=True)[1].reshape(-1)
    return causal_mask(len(documents)) & (abs(places[:, None] - places) <= 1)


@exercise.mistake("the very first token is visible to all")
def first_token_visible(documents):
    return document_mask(documents) | (np.arange(len(documents)) == 0)


@exercise.other_convention("ones and zeros")
def ones_and_zeros(documents):
    return document_mask(documents).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(documents):
    return np.where(document_mask(documents), 0.0, -np.inf)


@exercise.other_convention("ones and zeros where one hides")
def ones_and_zeros_where_one_hides(documents):
    return (~document_mask(documents)).astype(int)


@exercise.another_way
def pair_by_pair(documents):
    return [[j <= i and documents[i] == documents[j] for j in range(len(documents))] for i in range(len(documents))]


@exercise.another_way
def document_after_document(documents):
    mask = np.zeros((len(documents), len(documents)), dtype=bool)
    for document in set(documents.tolist()):
        places = np.flatnonzero(documents == document)
        mask[np.ix_(places, places)] = np.tri(len(places), dtype=bool)
    return mask


@exercise.another_way
def ones_that_meet(documents):
    belongs = np.eye(documents.max() + 1)[documents]
    return np.tril(belongs @ belongs.T) > 0

"""What a pass of the target is worth."""

from attncore.exercises.exercise import Case, code
from attncore.serving import expected_tokens


def asked(acceptance, n_draft, promise=""):
    name = f"{n_draft} drafted, accepted {acceptance:g} of the time"
    return Case(name, lambda: {"acceptance": acceptance, "n_draft": n_draft}, promise)


exercise = code(
    expected_tokens,
    asked(0.5, 1),
    asked(0.5, 2),
    asked(0.8, 4),
    asked(0.6, 3),
    asked(0.95, 8),
    asked(0.1, 5),
    asked(0.7, 12),
    asked(0.0, 3),
    asked(1.0, 4, "With an acceptance of 1 it's n_draft + 1."),
)


@exercise.mistake("the token that the target adds is left out")
def without_the_bonus(acceptance, n_draft):
    return expected_tokens(acceptance, n_draft) - 1


@exercise.mistake("one power too few")
def one_power_too_few(acceptance, n_draft):
    return expected_tokens(acceptance, n_draft - 1)


@exercise.mistake("one power too many")
def one_power_too_many(acceptance, n_draft):
    return expected_tokens(acceptance, n_draft + 1)


@exercise.mistake("tokens behind a rejected one are counted")
def as_if_independent(acceptance, n_draft):
    return 1 + n_draft * acceptance


@exercise.mistake("the added token only where all are accepted")
def added_if_all(acceptance, n_draft):
    accepted = sum(acceptance**i for i in range(1, n_draft + 1))
    return accepted + acceptance**n_draft


@exercise.mistake("the draft never ends")
def draft_without_end(acceptance, n_draft):
    return 1 / (1 - acceptance) if acceptance < 1 else n_draft + 1


@exercise.mistake("the rate of rejection in place of acceptance")
def rejection(acceptance, n_draft):
    return expected_tokens(1 - acceptance, n_draft)


@exercise.mistake("all or nothing")
def all_or_nothing(acceptance, n_draft):
    return 1 + n_draft * acceptance**n_draft


@exercise.mistake("divided by zero at an acceptance of 1")
def divided_by_zero(acceptance, n_draft):
    return (1 - acceptance ** (n_draft + 1)) / (1 - acceptance)


@exercise.mistake("the case where all are accepted is left out")
def full_draft_left_out(acceptance, n_draft):
    return sum((k + 1) * acceptance**k * (1 - acceptance) for k in range(n_draft))


@exercise.mistake("a full draft counts as a rejection")
def full_draft_as_a_rejection(acceptance, n_draft):
    return sum((k + 1) * acceptance**k * (1 - acceptance) for k in range(n_draft + 1))


@exercise.mistake("divided by the tokens that were judged")
def share_of_the_draft(acceptance, n_draft):
    return expected_tokens(acceptance, n_draft) / (n_draft + 1)


@exercise.mistake("the target's token counted twice")
def bonus_twice(acceptance, n_draft):
    return expected_tokens(acceptance, n_draft) + 1


@exercise.mistake("rounded to whole tokens")
def rounded(acceptance, n_draft):
    return round(expected_tokens(acceptance, n_draft))


@exercise.mistake("rounded to whole tokens")
def rounded_down(acceptance, n_draft):
    return int(expected_tokens(acceptance, n_draft))


@exercise.mistake("the whole draft, whatever is accepted")
def whole_draft(acceptance, n_draft):
    return n_draft + 1


@exercise.another_way
def a_sum_of_powers(acceptance, n_draft):
    return sum(acceptance**i for i in range(n_draft + 1))


@exercise.another_way
def from_the_last_token_backwards(acceptance, n_draft):
    tokens = 1.0
    for _ in range(n_draft):
        tokens = 1 + acceptance * tokens
    return tokens

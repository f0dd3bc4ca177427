"""What several exercises of this topic share."""

from attncore.exercises.exercise import case

LARGE_SCORES = "Scores in the thousands don't overflow."  # a sentence of the prompts, word for word


def more_cases(**square):
    """What every score gets: a batch that could be taken for the memory, widths that fit both ways, large numbers."""
    more = [
        case("a batch as large as the memory", lead=(5,)),
        case("numbers close to zero", magnitude=0.2),
        case("large numbers", magnitude=30.0),
    ]
    return more + ([case("widths that agree", sizes=square)] if square else [])

"""What several exercises of this topic share."""

from attncore.exercises.exercise import case


def more_cases(**square):
    """What every score gets: a batch that could be taken for the memory, widths that fit both ways, large numbers."""
    crowded = "a batch as large as the memory"
    more = [
        case(crowded, lead=(5,)),
        case("a memory of one state", sizes={"k": 1}),
        case("numbers close to zero", magnitude=0.2),
        case("large numbers", magnitude=30.0),
    ]
    return more + ([case("widths that agree", sizes=square)] if square else [])

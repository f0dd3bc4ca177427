"""What nbval compares: the text that a cell shows, and not its HTML, whose look may change with a library."""


def pytest_collectstart(collector):
    if type(collector).__name__ == "IPyNbFile":
        collector.skip_compare = (*collector.skip_compare, "text/html")

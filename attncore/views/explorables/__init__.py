"""One mechanism under the reader's hand: arrays in, self-contained HTML out. A module and a script each.

Python draws the first state as an SVG; the script, in the browser, changes the attributes of what is drawn.
"""

"""One look: the colors and the inline styles of everything that is shown.

Inline, because JupyterLab takes style sheets out of a notebook that it does not trust yet. The colors are those of
Okabe and Ito (2008), told apart by color-blind readers too; INK is the theme's own text color, light or dark.
"""

BLUE, ORANGE, GREEN, PINK, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c8c8c"
WASH = "rgba(128,128,128,.15)"  # behind code and behind what is off, on light and on dark
INK = "color:var(--jp-content-font-color1,inherit)"

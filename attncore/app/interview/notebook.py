"""The mock interview in a notebook: the interviewer's words above a field and buttons; functions come by submit(f)."""

import asyncio
from collections.abc import Callable
from functools import partial
from html import escape
from string import ascii_lowercase
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

from attncore.app.hunting import FILES
from attncore.app.interview.desk import Desk, begun, left_open
from attncore.app.interview.round import NO, YES, Refused, current, left
from attncore.app.interview.scene import Scene, folder
from attncore.app.places import workbook_here
from attncore.app.progress import NOT_KEPT, Progress, progress_here
from attncore.grading.report import Lines, Panel
from attncore.look import INK, ORANGE

LETTERS_COME_WITHIN = 0.4  # seconds
SAVED_EVERY = 2.0  # seconds, while somebody types
Bundle = dict[str, Any]  # one thing to display, in several forms
NOTHING: Bundle = {"text/html": "", "text/plain": ""}
# Checkboxes whose words wrap
WRAPPED = """<style>.attncore-room .widget-checkbox { height: auto; }
.attncore-room .widget-label-basic { white-space: normal; line-height: 1.4; }</style>"""
WIDE = {"width": "auto", "max_width": "60em"}
# Counts down to two moments: in a notebook that was opened again, too, and without a kernel.
CLOCK = """<p id="{id}" role="timer" style="margin:.2em 0;font-variant-numeric:tabular-nums;{ink}">{still}</p>
<script>(() => {{
  const here = document.getElementById("{id}"), part = {part}, whole = {whole};
  const shown = end => {{
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    return Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
  }};
  const tick = () => {{
    if (!here.isConnected) return;
    const now = Date.now();
    here.textContent = now > whole ? "The time is up: finish this question." :
      (now > part ? "This part's time is up" : shown(part) + " left in this part") + ", " + shown(whole) + " in all";
    here.style.color = now > part ? "{orange}" : "";
    setTimeout(tick, 500);
  }};
  tick();
}})()</script>"""
HOW = {  # what a front end without widgets is told, and what stays where no kernel runs
    "begin": "submit() begins.",
    "go on": "submit() goes on.",
    "text": 'submit("your answer") gives it.',
    "value": "submit(4096) gives it.",
    "choice": 'submit("a") chooses.',
    "ticks": "submit([1, 3]) ticks two of them, submit([]) none.",
    "function": "Write it in a cell of its own, and give it: submit({id}).",
    "files": "submit() says that you're done.",
    "nothing": 'submit("/skip") moves on.',
}
open_room: "Room | None" = None  # the round of this kernel


def room(level: str, minutes: int, seed: int | None, framework: str) -> "Room":
    """The round that is on in this kernel; else a new one, beside the one that was left open."""
    global open_room
    if open_room is None or not open_room.desk.running:
        store, workbook = kept_here(), workbook_here()
        desk = begun(store, workbook, level=level, minutes=minutes, seed=seed, framework=framework)
        open_room = Room(desk, left_open(store, workbook))
    return open_room


def kept_here() -> Progress | None:
    try:
        return progress_here()
    except NOT_KEPT:
        return None


def given(value: Any) -> Panel:
    """Take what a cell gives to the round that is on."""
    if open_room is None:
        raise ValueError("No interview is on in this kernel. interview() begins one, or goes on with one.")
    before = open_room.desk.scene
    open_room.give(value)
    scene = open_room.desk.scene
    new = [line for line in scene.lines if line not in before.lines]
    return Panel("info", [*new, ("next", f"The round goes on above. {how(open_room.desk, scene)}".strip())])


def how(desk: Desk, scene: Scene) -> str:
    return HOW.get(scene.expects, "").format(id=current(desk.state)["id"])


class Room:
    """A desk with three displays: the clock, which needs no kernel; what is said; and the field and buttons below."""

    def __init__(self, desk: Desk, paused: Desk | None = None):
        self.desk, self.paused = desk, paused
        self.said = ""  # why what was given last does not fit
        self.handles: list[DisplayHandle] = []
        self.shown: list[Bundle] = []
        self.field: Any = None  # where one types
        self.buttons: list[Any] = []
        self.saved = 0.0
        self.ending = False  # was it asked whether the round should end?

    def _ipython_display_(self) -> None:
        self.handles, self.shown = [DisplayHandle() for _ in range(3)], self.bundles()
        for handle, bundle in zip(self.handles, self.shown, strict=True):
            handle.display(bundle, raw=True)

    def refresh(self) -> None:
        """Show what is so now. What is as before, a clock that runs to the same moments, is left alone."""
        before, self.shown = self.shown, self.bundles()
        for handle, now, was in zip(self.handles, self.shown, before, strict=False):
            if now != was:
                handle.update(now, raw=True)
        if self.field is not None:
            self.field.focus()

    def bundles(self) -> list[Bundle]:
        panel, below = self.panel(), how(self.desk, self.desk.scene)
        words = {"text/html": panel._repr_html_(), "text/plain": panel.message}
        if self.desk.state["ended"] is not None:
            return [NOTHING, words, NOTHING]
        still = {"text/html": f'<p style="{INK}">Run this cell to go on.</p>', "text/plain": below}
        return [self.clock(), words, self.box()._repr_mimebundle_() | still]

    def clock(self) -> Bundle:
        """The clock; as plain text it is nothing, since it would stand still."""
        if not self.desk.running:
            return NOTHING
        state = self.desk.state
        part, whole = (int(1000 * (state["since"] + seconds)) for seconds in left(state))
        still = f"{state['minutes']} minutes in all; the clock runs once this notebook is trusted."
        id = f"clock-{state['key']}-{part}"
        return NOTHING | {"text/html": CLOCK.format(id=id, part=part, whole=whole, still=still, ink=INK, orange=ORANGE)}

    # What is given

    def give(self, value: Any = None) -> None:
        """Take a value or a command. Raises Refused, with a sentence."""
        if value == "/end" and not self.ending:
            self.ending = True
            raise Refused("That ends the round, and the report follows. Do it once more if you mean it.")
        self.ending = False
        self.desk.give(value, written_here())
        self.said = ""
        self.refresh()

    def pressed(self, value: Callable[[], Any]) -> Callable[[Any], None]:
        """What a button does: it gives a value, and says so under the question where that doesn't fit."""

        def press(_widget: Any) -> None:
            for button in self.buttons:
                button.disabled = True  # a hunt is judged for seconds, and nothing should be given twice
            if self.field is None:
                take()
            else:
                soon(take)

        def take() -> None:
            try:
                self.save_draft()
                self.give(value())
            except (Refused, OSError) as problem:
                self.said = str(problem)
                self.refresh()

        return press

    def go_on(self, _button: Any) -> None:
        """Take up the round that was left open, in place of the new one."""
        if self.paused is not None:
            self.desk, self.paused = self.paused, None
            self.pressed(lambda: None)(None)

    def save_draft(self) -> None:
        if self.field is not None and self.desk.running:
            self.desk.do("draft", text=self.field.value)
            self.saved = self.desk.clock()

    def typing(self, _change: Any) -> None:
        if self.desk.clock() - self.saved > SAVED_EVERY:
            self.save_draft()

    # What is shown

    def panel(self) -> Panel:
        """What the interviewer says; at the end, the report."""
        if self.desk.state["ended"] is not None:
            return self.desk.panel()
        scene = self.desk.scene
        lines: Lines = [*scene.lines, *(("where", text) for text in labeled(scene))]
        if self.paused is not None and not self.desk.running:
            lines.append(("where", f"Or go on with another. {self.paused.scene.lines[0][1]}"))
            lines.append(("where", self.paused.scene.lines[1][1]))
        if scene.expects == "function":
            lines.append(("next", how(self.desk, scene)))
        files = [f"{folder(self.desk.state)}/{name}" for name in FILES if scene.expects == "files"]
        return Panel("info", lines, links={file: file for file in files})

    def __repr__(self) -> str:
        return "\n".join(filter(None, [self.panel().message, how(self.desk, self.desk.scene)]))

    def box(self) -> ipywidgets.VBox:
        fields, self.buttons = self.fields(self.desk.scene)
        said = " ".join(filter(None, [self.said, self.desk.trouble]))
        told = ipywidgets.HTML(f'{WRAPPED}<p role="alert" style="{INK}">{escape(said)}</p>')
        box = ipywidgets.VBox([*fields, ipywidgets.HBox(self.buttons, layout={"flex_flow": "row wrap"}), told])
        box.add_class("attncore-room")
        return box

    def fields(self, scene: Scene) -> tuple[list[Any], list[Any]]:
        """What one types or ticks in, and the buttons below."""
        self.field = None
        commands = [self.button(*command) for command in self.commands(scene)]
        match scene.expects:
            case "begin" | "go on":
                paused = [self.button("Go on with that one", press=self.go_on)] if self.paused else []
                return [], [self.button("Begin" if scene.expects == "begin" else "Go on", main=True), *paused]
            case "text":
                field = self.typed_in(ipywidgets.Textarea(rows=6, layout=WIDE))
                return [field], [self.button("That's my answer", lambda: field.value, main=True), *commands]
            case "value":
                field = self.typed_in(ipywidgets.Text(placeholder="such as 128 KiB", layout={"width": "20em"}))
                field.on_msg(partial(self.entered, field))
                return [field], [self.button("That's my answer", lambda: field.value, main=True), *commands]
            case "choice":
                named = zip(ascii_lowercase, scene.options, strict=False)
                words = [(option if option in (YES, NO) else letter, option) for letter, option in named]
                choices = [self.button(word, partial(str, option), main=True) for word, option in words]
                return [], [*choices, *commands]
            case "ticks":
                boxes = [ipywidgets.Checkbox(False, description=p, indent=False, layout=WIDE) for p in scene.options]
                return boxes, [
                    self.button("Go on", lambda: [n for n, box in enumerate(boxes, 1) if box.value], main=True)
                ]
            case "files":
                return [], [self.button("The files are done", main=True), *commands]
        return [], commands if scene.expects else []

    def entered(self, field: Any, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Take a value at Enter."""
        if content.get("event") == "submit":
            self.pressed(lambda: field.value)(None)

    def typed_in(self, field: Any) -> Any:
        """A field with what was typed before; what is typed now is kept every few seconds."""
        field.value = self.desk.state["draft"]
        field.observe(self.typing, "value")
        self.field = field
        return field

    def commands(self, scene: Scene) -> list[tuple[str, Callable[[], Any]]]:
        every = [("Move on", "/skip"), ("Pause", "/pause"), ("End the round", "/end")]
        hint = [(f"A hint ({scene.hints} left)", "/hint")] if scene.hints else []
        return [(word, partial(str, command)) for word, command in [*hint, *every]]

    def button(
        self, word: str, value: Callable[[], Any] = lambda: None, main: bool = False, press: Any = None
    ) -> ipywidgets.Button:
        made = ipywidgets.Button(description=word, layout={"width": "auto"}, button_style="primary" if main else "")
        made.on_click(press or self.pressed(value))
        return made


def soon(act: Callable[[], None]) -> None:
    """Do it in a moment: a field's last letters may come after the message that a button was pressed."""
    try:
        asyncio.get_running_loop().call_later(LETTERS_COME_WITHIN, act)
    except RuntimeError:
        act()


def labeled(scene: Scene) -> list[str]:
    """The choices with their letters; of a yes and a no, nothing."""
    if scene.expects != "choice" or scene.options == [YES, NO]:
        return []
    return [f"{letter}) {option}" for letter, option in zip(ascii_lowercase, scene.options, strict=False)]


def written_here() -> str:
    """The cells that were run in this kernel."""
    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell else []
    return "\n".join(cell for cell in cells if is_python(cell))


def is_python(text: str) -> bool:
    try:
        compile(text, "cell", "exec")
    except (SyntaxError, ValueError):
        return False
    return True

"""What `join` shows: where one is, what travels, the notes "done" and "stuck", and what the room votes on."""

from html import escape
from string import ascii_lowercase
from typing import Any

import ipywidgets

from attncore.app.board import outbox
from attncore.app.board.outbox import Outbox, attempts
from attncore.app.progress import Progress
from attncore.grading.report import Lines, Panel
from attncore.look import INK

TRAVELS = (
    "What travels: the exercise, how it came out, the name of the mistake, and when. Your code stays here, and no name "
    "goes but the nickname, beside which the instructor sees the rest. The screen shows counts alone. leave() ends it."
)
NOT_JOINED = 'You haven\'t joined a workshop. The instructor has the line that does: join("http://…", "K7RM2P").'
NOTES = {"done": "success", "stuck": "danger"}
LINK = '<a target="_blank" rel="noopener" style="color:var(--jp-content-link-color);text-decoration:underline" '
WIDE = {"width": "auto", "max_width": "50em"}


def join(store: Progress, address: Any, code: Any, nickname: Any) -> "Panel | BoardPanel":
    """Join a room, or show how things stand where nothing is given. Raises ValueError, with a sentence."""
    if address is None and code is None:
        if outbox.here is None or outbox.here.store is not store:
            outbox.take_up(outbox.joined(store))
        return BoardPanel(outbox.here) if outbox.here else Panel("info", [("head", NOT_JOINED)])
    if not (isinstance(address, str) and isinstance(code, str) and (nickname is None or isinstance(nickname, str))):
        raise ValueError('join takes an address and a code: join("http://192.168.1.5:8765", "K7RM2P").')
    outbox.take_up(outbox.begin(store, address, code, nickname))
    return BoardPanel(outbox.here)  # type: ignore[arg-type]  # it was taken up just now


def leave(store: Progress) -> Panel:
    """Leave the room that was joined."""
    left = outbox.here if outbox.here and outbox.here.store is store else outbox.joined(store)
    outbox.take_up(None)
    if not left or left.over and not left.joining.get("joined"):
        return Panel("info", [("head", NOT_JOINED)])
    left.leave()
    unsent = left.unsent()
    lost = f" {attempts(len(unsent))} that the board never got won't be sent." if unsent else ""
    told = f"What it was told stays there until the instructor deletes the room.{lost}"
    return Panel("info", [("head", f"You've left {left.room.get('room', 'the workshop')}."), ("why", told)])


class BoardPanel:
    """The room as its board last showed it; it follows along while the kernel runs."""

    def __init__(self, joining: Outbox):
        self.joining = joining
        self.words, self.poll = ipywidgets.HTML(), ipywidgets.VBox()
        self.notes = {note: ipywidgets.Button(description=note.capitalize()) for note in NOTES}
        for note, button in self.notes.items():
            button.on_click(lambda _, note=note: self.press(note))
        self.box = ipywidgets.VBox([self.words, ipywidgets.HBox(list(self.notes.values())), self.poll])
        self.asked: Any = None
        self.refresh()
        joining.changed = self.refresh

    def __repr__(self) -> str:
        return self.panel().message

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        still = Panel("info", [*self.panel().lines, ("next", "Run this cell to follow along.")])
        return bundle | {"text/html": still._repr_html_(), "text/plain": repr(self)}

    def panel(self) -> Panel:
        """What there is to say."""
        room, trouble = self.joining.room, self.joining.trouble
        lines: Lines = [("head", f"You're in {room['room']}, as {room['name']}." if room else "You've joined.")]
        if trouble:
            unsent = f" {attempts(len(self.joining.unsent()))} waiting." if self.joining.unsent() else ""
            lines = [*(lines if room else []), ("head", f"{trouble}{unsent}")]
        elif self.joining.caught_up:
            lines.append(("next", self.joining.caught_up))
        if opened := room.get("open"):
            text = f"Open now: {opened['title']} ({opened['id']}, in {opened['lesson']}). {time_left(room['left'])}"
            lines.append(("next", text.strip()))
        pages = {f'"{page["title"]}"': self.address(page["token"]) for page in room.get("pages", [])}
        if pages:
            lines.append(("next", f"To read: {', '.join(pages)}."))
        return Panel("info", [*lines, ("where", TRAVELS)], links=pages)

    def address(self, token: str) -> str:
        return f"{self.joining.joining['address']}/published/{token}"

    def refresh(self) -> None:
        """Show what is so now; what is as before is left alone."""
        words = self.panel()._repr_html_().replace("<a ", LINK)
        if self.words.value != words:
            self.words.value = words
        note = self.joining.pending.get("note", self.joining.room.get("note", ""))
        for name, button in self.notes.items():
            button.button_style = NOTES[name] if name == note else ""
            button.description = f"{name.capitalize()} ✓" if name == note else name.capitalize()
            button.disabled = self.joining.over
        poll = self.joining.room.get("poll")
        if poll != self.asked:
            self.asked, self.poll.children = poll, self.voting(poll) if poll else []

    def press(self, note: str) -> None:
        """Put up a note, or take it down where it is up."""
        now = self.joining.pending.get("note", self.joining.room.get("note", ""))
        self.joining.say(note="" if note == now else note)
        self.refresh()

    def voting(self, poll: dict[str, Any]) -> list[Any]:
        """The question with a button for each option; once that is shown, how many chose each."""
        shown = [ipywidgets.HTML(f'<p style="max-width:50em;line-height:1.5;{INK}">{escape(poll["question"])}</p>')]
        on = poll["stage"] in (0, 2)
        for place, option in enumerate(poll["options"]):
            chosen, right = " ✓" if poll.get("vote") == place else "", "  (right)" if poll.get("right") == place else ""
            bars = ", then ".join(str(bars[place]) for bars in poll["bars"] if bars and sum(bars))
            text = f"{ascii_lowercase[place % 26]})  {option}{chosen}{f': {bars}' if bars else ''}{right}"
            button = ipywidgets.Button(description=text, layout=WIDE, disabled=not on)
            vote = {"poll": poll["id"], "stage": poll["stage"], "option": place}
            button.on_click(lambda _, vote=vote: self.joining.say(vote=vote))
            shown.append(button)
        return shown


def time_left(seconds: int | None) -> str:
    """How long is left, in whole minutes."""
    if seconds is None:
        return ""
    if seconds == 0:
        return "The time is up."
    minutes = -(-seconds // 60)
    return "Less than a minute is left." if minutes == 1 else f"{minutes} minutes are left."

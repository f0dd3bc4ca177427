// The instructor's page: it asks once a second what the room looks like, and draws what has changed.
import {$, bars, countDown, counted, el, heard, lettered, send, show, words} from "./shared.js";

const here = location.pathname;
history.replaceState(null, "", here + (new URLSearchParams(location.search).has("projector") ? "?projector" : ""));
const OUTCOMES = ["right", "edge", "wrong", "raised"];
const NAMES = {right: "right", edge: "right, a corner open", wrong: "wrong", raised: "raised an error"};
const STAGES = ["Close the vote", "Ask again", "Close the vote"];
const OURS = {"X-Attncore-Board": "1"};
let gone = false;  // is the room deleted?
let chosen = null;  // the mistake whose case is shown, where the instructor chose one
let shown = "";  // the mistake whose case is asked for

const change = (control, message = {}) =>
  send(`${here}/${control}`, message, OURS).then(refresh, told);
const told = problem => { $("trouble").textContent = problem.message; };
const key = mistake => `${mistake.exercise}: ${mistake.label}`;

function draw(view) {
  document.title = `${view.room}: board`;
  $("room").textContent = view.room;
  show("join", [view.address, view.code], ([address, code]) =>
    ["Join at ", el("b", {}, address), " with the ", el("span", {class: "nowrap"}, "code ", el("span", {class: "code"}, code))]);
  show("line", [view.address, view.code], ([address, code]) =>
    ["In a notebook: ", el("code", {}, `from attncore import join; join("${address}", "${code}")`)]);
  $("line").classList.toggle("controls", Boolean(view.open || view.poll));
  $("people").textContent = `${counted(view.people, "learner")}, ${view.here} here now${view.shut ? ", door closed" : ""}`;
  $("door").textContent = view.shut ? "Open the door" : "Close the door";
  $("door").dataset.shut = view.shut ? "1" : "";
  $("door-says").textContent = view.shut ? "Closed: whoever is in may come back, and nobody new gets in."
    : "Open: whoever has the code gets in.";
  countDown(view.left);
  show("open", view.open, drawOpen);
  $("close").hidden = !view.open;
  show("mistakes", [view.mistakes, chosen, Boolean(view.open), view.nameless], drawMistakes);
  show("poll", view.poll, drawPoll);
  $("poll-section").classList.toggle("controls", !view.poll);
  document.body.classList.toggle("polling", Boolean(view.poll));
  drawNotes(view);
  show("where", view.where, drawWhere);
  show("pages", view.pages, drawPages);
  $("ready").textContent = view.ready ? `${counted(view.ready, "machine")} ready, going by the receipts.`
    : "Nobody has sent in a receipt yet.";
  $("until").textContent = `It will be deleted on ${new Date(1000 * view.until).toLocaleDateString("en-US", {dateStyle: "long"})}.`;
}

const stack = counts => el("div", {class: "stack", "aria-hidden": "true"}, ...OUTCOMES.map(outcome =>
  el("span", {class: `of-${outcome}`, style: {width: `${100 * counts[outcome] / Math.max(1, sum(counts))}%`}})));
const sum = counts => OUTCOMES.reduce((total, outcome) => total + counts[outcome], 0);
const legend = counts => el("p", {class: "key"}, ...OUTCOMES.map(outcome =>
  el("span", {}, el("span", {class: `dot of-${outcome}`}), el("b", {}, `${counts[outcome]}`), ` ${NAMES[outcome]}`)));

function drawOpen(open) {
  if (!open) return el("p", {class: "quiet"}, "No exercise is open. The mistakes below are from all of them.");
  return [el("h3", {}, open.title), el("p", {class: "quiet"}, `${open.id}, in ${open.lesson}`),
    legend(open.counts), picture(open)];
}

/** How many stand how, from the opening until now: areas on top of one another. */
function picture(open) {
  const steps = open.timeline, last = steps.length - 1;
  const most = Math.max(1, ...steps.map(step => step.reduce((a, b) => a + b)));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 600 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const minutes = Math.round(open.since / 60);
  svg.setAttribute("aria-label", `Since it was opened ${counted(minutes, "minute")} ago: ` +
    OUTCOMES.map(outcome => `${open.counts[outcome]} ${NAMES[outcome]}`).join(", "));
  OUTCOMES.forEach((outcome, place) => {
    const level = (step, upTo) => 100 - 98 * step.slice(0, upTo).reduce((a, b) => a + b, 0) / most;
    const point = (upTo, i) => `${(600 * i / last).toFixed(1)},${level(steps[i], upTo).toFixed(1)}`;
    const order = [...steps.keys()];
    const area = document.createElementNS(svg.namespaceURI, "polygon");
    area.setAttribute("class", `area-${outcome}`);
    area.setAttribute("points", [...order.map(i => point(place + 1, i)),
      ...order.reverse().map(i => point(place, i))].join(" "));
    svg.append(area);
  });
  const ago = minutes ? counted(minutes, "minute") + " ago" : "just now";
  return [svg, el("p", {class: "between quiet"}, el("span", {}, `opened ${ago}`), el("span", {}, "now"))];
}

function drawMistakes([mistakes, , open, nameless]) {
  const top = mistakes.find(mistake => key(mistake) === chosen) ?? mistakes[0];
  showCase(top);
  const others = nameless ? el("li", {class: "quiet"},
    `${mistakes.length ? "And " : ""}${nameless} wrong in a way that the course has no name for.`) : null;
  if (!mistakes.length) return others ?? el("li", {class: "quiet"}, "No mistake that the course knows by name, so far.");
  return [mistakes.slice(0, 12).map(mistake => el("li", {}, el("button", {
    class: "mistake", "data-key": key(mistake), "aria-pressed": mistake === top,
    onclick: () => { chosen = key(mistake); refresh(); },
  }, el("span", {class: "many"}, `${mistake.made}`), el("span", {class: "words"}, el("span", {}, ...words(mistake.label)),
    el("span", {class: "quiet"}, mistake.still ? `${mistake.still} still ${mistake.still === 1 ? "makes" : "make"} it` : "nobody makes it now", open ? "" : ` · ${mistake.exercise}`))))), others];
}

/** The smallest case that shows a mistake, for the whole room to see. */
async function showCase(mistake) {
  const wanted = mistake ? key(mistake) : "";
  if (wanted === shown) return;
  shown = wanted;
  if (!mistake) { $("case").replaceChildren(); return; }
  const query = new URLSearchParams({exercise: mistake.exercise, label: mistake.label});
  try {
    const lines = await heard(await fetch(`${here}/case?${query}`));
    if (wanted === shown) $("case").replaceChildren(...lines.map(line));
  } catch (problem) { shown = ""; told(problem); }
}

function line([role, text]) {
  if (role === "input") return el("pre", {tabindex: "0"}, text);
  return el("p", {class: role}, ...words(text));
}

function drawPoll(poll) {
  if (!poll) return null;
  const closed = poll.stage % 2 === 1, unseen = closed && poll.hidden;
  return [el("h3", {}, ...words(poll.question)),
    el("ol", {class: unseen ? "private" : ""}, ...(closed ? bars(poll)
      : poll.options.map((option, place) => el("li", {class: "option"}, ...lettered(option, place))))),
    el("p", {class: "quiet"}, voted(poll)),
    unseen ? el("p", {class: "quiet controls"}, "The room doesn’t see these bars yet.") : null,
    el("div", {class: "controls row"},
      STAGES[poll.stage] ? button(STAGES[poll.stage], "advance", {stage: poll.stage}) : null,
      unseen ? button("Show the bars", "show") : null,
      poll.right === undefined ? button("Show the answer", "reveal") : null,
      button("Take it off", "end-poll"))];
}

const button = (text, control, message) =>
  el("button", {"data-key": control, onclick: () => change(control, message)}, text);

/** How many have voted, and how many of those who are here haven't. */
function voted(poll) {
  const [before, after] = poll.votes, waiting = `${counted(poll.waiting, "person", "people")} here still to vote`;
  if (poll.stage === 0) return `${counted(before, "vote")} so far, ${waiting}`;
  if (poll.stage === 2) return `${counted(after, "vote")} the second time so far, ${waiting}`;
  return after ? `${counted(before, "vote")} before talking it over, ${after} after` : counted(before, "vote");
}

function drawNotes(view) {
  const counts = {stuck: 0, done: 0, ...view.notes};
  show("note-counts", [counts, view.people], () => el("p", {class: "row"},
    el("span", {}, el("span", {class: "many-notes"}, `${counts.stuck}`), " stuck"), "·",
    el("span", {}, el("span", {class: "many-notes"}, `${counts.done}`), " done"), "·",
    el("span", {}, el("span", {class: "many-notes"}, `${view.people - counts.stuck - counts.done}`), " at work")));
  const rows = view.learners.map(({idle, ...row}) => ({...row, minutes: Math.floor(idle / 60)}));
  show("notes", rows.filter(row => row.note === "stuck"), rows => rows.map(row => el("li", {class: "note"},
    flag(row), el("span", {class: "name"}, row.name, el("span", {class: "quiet"}, row.at ? ` at ${row.at}` : "")),
    el("span", {class: "quiet"}, since(row)))));
  show("each", rows, rows => rows.map(row => el("tr", {},
    el("th", {scope: "row"}, row.name), el("td", {}, flag(row)), el("td", {}, since(row)), el("td", {}, row.lesson),
    el("td", {}, row.at), el("td", {}, ...latest(row)), el("td", {}, el("button", {
      "data-key": `${row.id}`, "aria-label": `Remove ${row.name}`, onclick: () => remove(row)}, "Remove")))));
}

const FLAGS = {stuck: "wrong", done: "right"};
const flag = row => el("span", {class: "flag"}, row.note ? el("span", {class: `dot of-${FLAGS[row.note]}`}) : null,
  row.note || (row.away ? "away" : "at work"));
const since = row => row.minutes ? `${row.minutes} min` : "just now";
const latest = row => row.outcome ? [NAMES[row.outcome], ...row.labels.flatMap((label, n) => [n ? "; " : ": ", ...words(label)])] : [];

function remove(row) {
  if (confirm(`Take ${row.name} off the board? All that ${row.name} sent is deleted. Close the door if you expect them to join anew.`))
    change("remove", {learner: row.id}).then(() => $("each").closest("[tabindex]").focus());
}

const drawWhere = places => places.length ? places.map(place => el("li", {class: "place"},
  el("div", {class: "between"}, el("span", {}, place.title), el("span", {}, el("b", {}, `${place.here}`), " here")),
  stack(place.counts),
  el("p", {class: "quiet"}, `${place.counts.right + place.counts.edge} of ${sum(place.counts)} have it`)))
  : el("li", {class: "quiet"}, "Nobody has tried anything yet.");

const drawPages = pages => pages.length ? pages.map(page => el("li", {class: "between"},
  el("a", {href: `/published/${page.token}`, target: "_blank", rel: "noopener"}, page.title),
  el("button", {class: "controls", "data-key": page.token, "aria-label": `Take off ${page.title}`,
    onclick: () => change("unpublish", {token: page.token})}, "Take off"))) : el("li", {class: "quiet"}, "Nothing yet.");

async function refresh() {
  try {
    const view = await heard(await fetch(`${here}/state`));
    if (gone) return;
    draw(view);
    if ($("trouble").dataset.away) { $("trouble").textContent = ""; delete $("trouble").dataset.away; }
  } catch (problem) {
    if (gone) return;
    $("trouble").dataset.away = "1";
    $("trouble").textContent = problem.status ? problem.message : "The board doesn’t answer. Trying again.";
  }
}

async function keepUp() {
  if (gone) return;
  await refresh();
  setTimeout(keepUp, 1000);
}

async function fill() {
  const every = await heard(await fetch(`${here}/catalog`));
  for (const [id, wanted] of [["exercise", every], ["question", every.filter(exercise => exercise.poll)]]) {
    for (const lesson of new Set(wanted.map(exercise => exercise.lesson))) {
      $(id).append(el("optgroup", {label: lesson}, ...wanted.filter(exercise => exercise.lesson === lesson)
        .map(exercise => el("option", {value: exercise.id}, exercise.title))));
    }
  }
}

function onSubmit(id, act) {
  $(id).addEventListener("submit", event => { event.preventDefault(); $("trouble").textContent = ""; act(); });
}

onSubmit("opening", () => { chosen = null; change("open", {exercise: $("exercise").value, minutes: $("minutes").valueAsNumber || null}); });
onSubmit("asking", () => change("poll", {exercise: $("question").value}));
onSubmit("deleting", () => send(`${here}/delete`, {name: $("name").value}, OURS).then(() => {
  gone = true;
  document.querySelector("main").remove();
  $("trouble").textContent = "The room is deleted, with everything that was in it. You can close this page.";
}, told));
$("close").addEventListener("click", () => { chosen = null; change("close"); });
$("door").addEventListener("click", () => change("door", {shut: !$("door").dataset.shut}));
$("export").href = `${here}/export.csv`;
$("notebook").addEventListener("change", async event => {
  const [file] = event.target.files, title = file.name.replace(/\.ipynb$/, "");
  const address = `${here}/publish?${new URLSearchParams({title})}`;
  try {
    await heard(await fetch(address, {method: "POST", headers: OURS, body: file}));
    $("trouble").textContent = "";
  } catch (problem) { told(problem); }
  event.target.value = "";
  refresh();
});

function project(on) {
  document.body.classList.toggle("projector", on);
  $("projector").setAttribute("aria-pressed", on);
  $("projector").textContent = on ? "Controls" : "Projector";
}
$("projector").addEventListener("click", () => project(!document.body.classList.contains("projector")));
project(new URLSearchParams(location.search).has("projector"));
fill().catch(told);
keepUp();

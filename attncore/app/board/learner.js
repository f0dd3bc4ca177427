// The learner's page, for a phone or where no kernel runs: a code, two notes, and a vote.
import {$, bars, countDown, el, lettered, send, show, words} from "./shared.js";

const KEPT = "attncore-board";
let me = JSON.parse(localStorage.getItem(KEPT) ?? "null");
let note = "", timer = null;

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map(n => n.toString(16).padStart(2, "0")).join("");

async function sync(said = {}) {
  clearTimeout(timer);
  const sender = me;
  try {
    const view = await send("/sync", {code: me.code, key: me.key, ...said});
    if (me !== sender) return;  // who left meanwhile isn't brought back by the answer
    $("trouble").textContent = "";
    draw(view);
  } catch (problem) {
    if (me !== sender) return;
    $("trouble").textContent = problem.status ? problem.message : "The board can’t be reached. Trying again.";
    if (problem.status === 403 || problem.status === 410) return leave();
  }
  timer = setTimeout(sync, 3000);
}

function draw(view) {
  $("entry").hidden = $("before").hidden = true;
  $("inside").hidden = false;
  $("title").textContent = `${view.room}: you’re ${view.name}`;
  note = view.note;
  for (const name of ["done", "stuck"]) $(name).setAttribute("aria-pressed", note === name);
  show("open", view.open ?? null, open => open
    ? [el("h2", {}, open.title), el("p", {class: "quiet"}, `${open.id}, in ${open.lesson}`)]
    : el("p", {}, "No exercise is open at the moment."));
  countDown(view.left);
  show("poll", view.poll, drawPoll);
  show("pages", view.pages, pages => pages.length ? [el("h2", {}, "To read"), el("ul", {}, ...pages.map(page =>
    el("li", {}, el("a", {href: `/published/${page.token}`, target: "_blank", rel: "noopener"}, page.title))))] : null);
}

function drawPoll(poll) {
  if (!poll) return null;
  const on = poll.stage % 2 === 0;
  const told = ["Vote for yourself first.", "The vote is closed. Talk it over with somebody who chose something else.",
    "Vote again, after talking it over.", "The vote is closed."][poll.stage];
  return [el("h2", {}, ...words(poll.question)), el("p", {class: "quiet"}, told),
    el("ol", {}, ...(on ? poll.options.map((option, place) => el("li", {class: "option"}, el("button", {
      "aria-pressed": poll.vote === place, "data-key": place,
      onclick: () => sync({vote: {poll: poll.id, stage: poll.stage, option: place}}),
    }, ...lettered(option, place)))) : bars(poll)))];
}

function leave() {
  clearTimeout(timer);
  localStorage.removeItem(KEPT);
  me = null;
  $("entry").hidden = $("before").hidden = false;
  $("inside").hidden = true;
  $("title").textContent = "Workshop";
}

$("entry").addEventListener("submit", async event => {
  event.preventDefault();
  me = {code: $("code").value.trim().toUpperCase(), key: newKey()};
  localStorage.setItem(KEPT, JSON.stringify(me));
  const nickname = $("nickname").value.trim();
  await sync(nickname ? {nickname} : {});
});
for (const name of ["done", "stuck"]) $(name).addEventListener("click", () => sync({note: note === name ? "" : name}));
$("leave").addEventListener("click", () => { $("trouble").textContent = ""; leave(); });
$("readying").addEventListener("submit", async event => {
  event.preventDefault();
  const message = {code: $("ready-code").value, receipt: $("receipt").value};
  $("counted").textContent = await send("/ready", message).then(() => "Thank you, you’re counted.", problem => problem.message);
});
$("code").value = $("ready-code").value = location.hash.slice(1).toUpperCase();
if (me) sync();

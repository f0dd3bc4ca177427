// An encoder and a decoder, one word and one stage at a time, as Bahdanau or Luong order them.

const ROWS = 84, APART = 38, STATES = 50, STATE = 62, SUBSCRIPTS = "₀₁₂₃₄";
const TITLES = {bahdanau: "Bahdanau et al. (2014)", luong: "Luong et al. (2015)"};
const ORDERS = {
  bahdanau: ["scores", "weights", "context", "state", "word"],
  luong: ["state", "scores", "weights", "context", "word"],
};
const FACTS = {
  bahdanau: ["sₜ₋₁ asks", "score: additive", "cₜ into sₜ and the word"],
  luong: ["sₜ asks", "score: dot", "cₜ into the word alone"],
};

const applied = (matrix, one) => matrix.map(row => dot(row, one));
const plus = (...all) => all[0].map((_, place) => sum(all.map(one => one[place])));
const times = (factor, one) => one.map(entry => factor * entry);
const tanh = one => one.map(Math.tanh);
const largest = row => row.indexOf(Math.max(...row));

export function additiveScores(state, memory, [ofState, ofMemory, v]) {
  return memory.map(h => dot(v, tanh(plus(applied(ofState, state), applied(ofMemory, h)))));
}

/** The four steps of the decoder: for each word all that is worked out. */
export function translated({memory, scorer, vectors, first, fed, kind}) {
  let state = first[kind];
  const aligned = scores => matmul([softmax(scores)], memory)[0];
  return fed[kind].map(before => {
    let scores;
    if (kind === "bahdanau") {
      scores = additiveScores(state, memory, scorer);
      state = tanh(plus(times(0.5, state), times(0.2, aligned(scores)), before));
    } else {
      state = tanh(plus(times(0.5, state), before));
      scores = memory.map(h => dot(state, h));
    }
    const context = aligned(scores), output = tanh(plus(times(0.3, context), times(0.1, state)));
    return {scores, weights: softmax(scores), context, state, output, word: largest(applied(vectors, output))};
  });
}

/** The state that asks for a word: the one before, or its own. */
const asking = (kind, word) => kind === "bahdanau" ? word : word + 1;

/** What each stage of a word does, in numbers. */
export function sentences({kind, word, memory, target}, steps) {
  const {scores, weights, context, state, output, word: says} = steps[word];
  const before = SUBSCRIPTS[word], now = SUBSCRIPTS[word + 1], early = kind === "bahdanau";
  const added = weights.map((weight, j) => `${number(weight)}·${vector(memory[j])}`).join(" + ");
  const fed = word ? `“${target[steps[word - 1].word]}”` : "start";
  return {
    scores: early ? `s${before} asks: scores v · tanh(W s${before} + U hⱼ) = ${vector(scores)}`
      : `s${now} asks: scores s${now} · hⱼ = ${vector(scores)}`,
    weights: `weights = softmax of the scores = ${vector(weights)}`,
    context: `c${now} = ${added} = ${vector(context)}`,
    state: `s${now} = tanh(0.5 s${before} + ${early ? `0.2 c${now} + ` : ""}${fed}) = ${vector(state)}`,
    word: `output tanh(0.3 c${now} + 0.1 s${now}) = ${vector(output)}, which says “${target[says]}”`,
  };
}

function patch(part, weight) {
  const [fill, ink] = weight === null ? ["wash", "ink"] : weightColor(weight);
  return {[part]: {fill}, [`${part}-says`]: {text: weight === null ? "" : number(weight), fill: ink}};
}

/** From a state over the top of the table down to the scores. */
function question(asks) {
  const y = STATES + STATE * asks;
  return path([[482, y], [462, y], [462, 38], [184, 38]]) + arrow(184, 38, 184, 46, 6);
}

/** From the context, below a state, to its word. */
function answerPath(t) {
  const y = STATES + STATE * t + 27, middle = ROWS + 1.5 * APART;
  return path([[440, middle + 10], [472, y], [588, y]]) + arrow(588, y, 606, y - 16, 6);
}

export function picture(state) {
  const {source, target, kind, word, stage, theirs, first} = state, steps = translated(state), step = steps[word];
  const order = ORDERS[kind], done = name => order.indexOf(name) <= stage, early = kind === "bahdanau";
  const asks = asking(kind, word), now = SUBSCRIPTS[word + 1], parts = {};
  source.forEach((_, j) => {
    parts[`score-${j}`] = {text: done("scores") ? number(step.scores[j]) : ""};
    Object.assign(parts, patch(`weight-${j}`, done("weights") ? step.weights[j] : null));
    parts[`tie-${j}`] = {"stroke-width": 12 * step.weights[j], visibility: seen(done("context"))};
    if (j) parts[`read-back-${j}`] = {visibility: seen(early)};
  });
  parts.context = {text: done("context") ? vector(step.context) : ""};
  parts.theirs = {text: theirs && done("context") ? `yours ${vector(theirs)}` : ""};
  [first[kind], ...steps.map(one => one.state)].forEach((one, t) => {
    const there = t <= word || t === word + 1 && done("state");
    parts[`state-${t}`] = {stroke: t === asks && done("scores") ? "orange" : "line"};
    parts[`state-${t}-says`] = {text: there ? vector(one) : ""};
    if (!t) return;
    parts[`recur-${t}`] = {visibility: seen(there)};
    parts[`word-${t}`] = {text: t <= word || t === word + 1 && done("word") ? target[steps[t - 1].word] : ""};
  });
  const y = STATES + STATE * (word + 1);
  parts.ask = {d: question(asks), visibility: seen(done("scores"))};
  parts["into-state"] = {d: arrow(440, ROWS + 1.5 * APART, 480, y), visibility: seen(early && done("state"))};
  parts["into-word"] = {d: answerPath(word + 1), visibility: seen(done("word"))};
  parts.says = {d: arrow(582, y, 602, y, 6), visibility: seen(done("word"))};
  target.forEach((_, i) => {
    const known = i < word || i === word && done("weights");
    const named = i < word || i === word && done("word");
    parts[`row-${i}`] = {text: named ? target[steps[i].word] : known ? "?" : ""};
    source.forEach((_, j) => Object.assign(parts, patch(`cell-${i}-${j}`, known ? steps[i].weights[j] : null)));
  });
  parts.paper = {text: early ? "Bahdanau" : "Luong"};
  FACTS[kind].forEach((fact, place) => parts[`fact-${place}`] = {text: fact});
  const named = {
    scores: `s${SUBSCRIPTS[asks]} asks`, weights: "weights", context: `c${now}`, state: `s${now}`, word: "word",
  };
  order.forEach((name, place) => {
    parts[`chip-${place}`] = {fill: place === stage ? "ink" : "wash"};
    const ink = place === stage ? "paper" : place < stage ? "ink" : "soft";
    parts[`chip-${place}-says`] = {text: named[name], fill: ink};
  });
  const said = sentences(state, steps), line = said[order[stage]];
  parts.sentence = {text: line};
  parts.kind = {value: TITLES[kind]};
  parts.back = {disabled: !word && !stage};
  parts.next = {disabled: word === target.length - 1 && stage === order.length - 1};
  parts.forward = parts.next;
  const head = `${TITLES[kind]}, word ${word + 1} of ${target.length}. `;
  return {...parts, say: head + order.slice(0, stage + 1).map(name => said[name]).join(". ") + ".", told: head + line};
}

/** The word and the stage that lie `by` stages on, or at the end of the next word. */
export function stepped({word, stage, target}, by, whole) {
  const last = 5 * target.length - 1, at = clamp(whole ? 5 * (stage < 4 ? word : word + 1) + 4 : 5 * word + stage + by, 0, last);
  return {word: Math.floor(at / 5), stage: at % 5};
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  const go = (by, whole) => () => {
    const next = stepped(scene.state, by, whole);
    (next.word === scene.state.word ? scene.set : scene.move)(next);
  };
  on(root, "back", "click", go(-1));
  on(root, "next", "click", go(1));
  on(root, "forward", "click", go(0, true));
  on(root, "kind", "change", event =>
    scene.move({kind: Object.keys(TITLES).find(kind => TITLES[kind] === event.target.value)}));
}

"use strict";
// Asks for the station's state once a second and shows it. What can't be asked for is shown as lost, at once:
// nobody may take a page that has stopped for a station that runs.

const EVERY_MS = 1000;
const ANSWER_MAX_MS = 2500;
/** What the station has said longer ago than this is not true any more. */
const AGE_MAX_MS = 4000;
const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);

/** Nothing on this page is ever parsed as markup: texts become texts. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function drawn(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function showState(kind, word, why, remedy, machine) {
  document.body.dataset.kind = kind;
  say("word", word);
  say("why", why);
  say("remedy", remedy);
  say("machine", machine ? machine : "");
}

/** In the largest unit that fits. */
function span(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

const ago = (part) => (part.age_s === null ? "" : `${span(part.age_s)} ago`);
const address = (run, part) => `/pictures/${part.number}.jpg?run=${run}`;

function picture(run, part, alt) {
  const blank = element("div", "blank", "no picture");
  if (!part.picture) return blank;
  const image = element("img");
  image.alt = alt;
  image.addEventListener("error", () => image.replaceWith(blank));
  // Colour, map and height side by side; without height the map is the right half.
  image.addEventListener("load", () => image.classList.toggle("two", image.naturalWidth < 2.5 * image.naturalHeight));
  image.src = address(run, part);
  return image;
}

/** Made anew only if it would look different: a picture that is fetched again flickers. */
function renew(id, key, make) {
  const place = $(id);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...make());
}

function showLast(run, part) {
  const key = part ? `${run} ${part.number} ${part.kind} ${part.picture} ${part.record} ${part.mark}` : "";
  renew("last", key, () => {
    if (!part) return [element("div", "blank", "no part yet")];
    const verdict = element("span", "verdict", part.verdict);
    const age = element("span", "age", `part ${part.number}`, element("span", "ago"));
    const caption = element("figcaption", part.kind, verdict, part.detail, age);
    if (part.record) {
      const button = element("button", "mark-it", part.mark ? `marked: ${MARKS[part.mark]}` : "Mark it");
      button.type = "button";
      button.addEventListener("click", () => showCloser(run, part));
      caption.append(button);
    }
    return [picture(run, part, `Part ${part.number}: colour, scores and height`), caption];
  });
  const age = $("last").querySelector(".ago");
  if (age) age.textContent = part.age_s === null ? "" : `, ${ago(part)}`;
}

function showCounts(parts, hour) {
  const all = { hour: hour.passed + hour.failed + hour.no_result, start: parts.passed + parts.failed + parts.no_result };
  const share = (count, of) => (of ? `${((100 * count) / of).toFixed(1)} %` : "");
  const cell = (count, of) => element("td", "", element("b", "", String(count)), " ", element("small", "", share(count, of)));
  const row = (name, kind, one, other) => {
    const head = element("th", "", element("span", "verdict", name));
    head.scope = "row";
    return element("tr", kind, head, cell(one, all.hour), cell(other, all.start));
  };
  renew("counts", JSON.stringify([parts, hour.passed, hour.failed, hour.no_result]), () => [
    row("Passed", "p", hour.passed, parts.passed),
    row("Failed", "f", hour.failed, parts.failed),
    row("No result", "n", hour.no_result, parts.no_result),
  ]);
}

function showRejects(run, rejects) {
  const key = `${run} ${rejects.map((part) => `${part.number}${part.picture}${part.record}${part.mark}`)}`;
  renew("rejects", key, () => {
    if (!rejects.length) return [element("li", "empty", "none since the start")];
    return rejects.map((part) => {
      const few = part.detail.replace(/score |seen in /g, "");
      const text = element("span", part.kind, element("span", "verdict", part.verdict), few);
      if (part.mark) text.append(element("span", "mark-said", MARKS[part.mark]));
      const button = element("button", "", picture(run, part, ""), text);
      button.type = "button";
      button.setAttribute("aria-label", `Part ${part.number}: ${part.verdict}, ${part.detail}. Show it larger`);
      button.addEventListener("click", () => showCloser(run, part));
      return element("li", "", button);
    });
  });
}

/** What people may say of a part, by what the station has said of it. */
const MARKS = { false_reject: "false reject", true_reject: "true reject", escape: "escape", unsure: "not sure" };
const MEANING = {
  false_reject: "it was good",
  true_reject: "it was defective",
  escape: "it was defective",
  unsure: "nobody can say",
};
const CHOICES = { p: ["escape", "unsure"], f: ["false_reject", "true_reject", "unsure"] };
CHOICES.n = CHOICES.f;
const TOKEN = "twinspect-token";
/** The part that is shown larger, and the mark that waits for the token. */
let closer = null;
let waiting = null;
/** Every part is another occasion: what comes too late of one is no answer for the next. */
let occasion = 0;

function sayMark(text) {
  say("marks-said", text);
}

function showMarks() {
  const part = closer;
  $("marks").hidden = !part.record;
  if (!part.record) return;
  say("marked", part.mark ? `Marked as ${MARKS[part.mark]}: ${MEANING[part.mark]}.` : "What was it, after all?");
  renew("choices", `${part.record} ${part.mark}`, () =>
    CHOICES[part.kind].map((name) => {
      const button = element("button", "", element("b", "", MARKS[name]), element("small", "", MEANING[name]));
      button.type = "button";
      button.dataset.mark = name;
      button.setAttribute("aria-pressed", String(part.mark === name));
      button.addEventListener("click", () => mark(name));
      return button;
    }),
  );
}

/** What the station says now of the part that is shown larger. */
function renewCloser(told) {
  if (!closer || !$("closer").open || told.run !== closer.run) return;
  const parts = told.last ? [told.last, ...told.rejects] : told.rejects;
  const now = parts.find((part) => part.number === closer.number && part.kind === closer.kind);
  // Whatever comes of the station, a mark is never of another record than the picture that is shown.
  if (!now || !now.record || (closer.record && closer.record !== now.record)) return;
  closer = { ...closer, record: now.record, mark: now.mark };
  showMarks();
}

function askToken(name, why) {
  waiting = name;
  $("token-form").hidden = false;
  sayMark(why);
  $("token").focus();
}

async function mark(name) {
  const token = sessionStorage.getItem(TOKEN);
  if (!token) return askToken(name, "");
  const own = occasion;
  sayMark("Marking ...");
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 8000);
  let answer = null;
  let text = "";
  try {
    // The name is the part's in the station's records; the token goes into a field and never into an address.
    answer = await fetch(`/api/records/${closer.record}/${name.replace("_", "-")}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
      signal: stop.signal,
      cache: "no-store",
      redirect: "error",
    });
    text = await answer.text();
  } catch {
    answer = null;
  } finally {
    clearTimeout(timer);
  }
  if (answer && answer.status === 401) sessionStorage.removeItem(TOKEN);
  if (own !== occasion) return;
  if (!answer) return sayMark("This page does not reach the station. Nobody knows whether the part is marked.");
  if (answer.status === 401) return askToken(name, text.trim());
  if (answer.ok) {
    closer = { ...closer, mark: name };
    showMarks();
  }
  sayMark(text.trim());
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  // Others can't be sent.
  if (!/^[!-~]+$/.test(token)) return sayMark("A token has letters, digits and marks, without blanks.");
  sessionStorage.setItem(TOKEN, token);
  $("token-form").hidden = true;
  if (waiting) mark(waiting);
});

function showCloser(run, part) {
  closer = { ...part, run };
  waiting = null;
  occasion += 1;
  $("token-form").hidden = true;
  $("token").value = "";
  sayMark("");
  showMarks();
  say("closer-title", `Part ${part.number}: ${part.verdict}`);
  say("closer-detail", part.detail);
  $("closer-picture").hidden = !part.picture;
  if (part.picture) {
    $("closer-picture").src = address(run, part);
    $("closer-picture").alt = "colour, scores and height";
  }
  $("closer").showModal();
}

function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

function showScores(scores) {
  const chart = $("scores");
  const [width, height] = [chart.clientWidth, chart.clientHeight];
  renew("scores", `${width} ${height} ${scores.length} ${scores.length ? scores[scores.length - 1] : ""}`, () => {
    const known = scores.map((part) => part[2]).filter((score) => score !== null);
    const top = Math.min(Math.max(1.5, ...known), 4) * 1.05;
    const bottom = Math.max(Math.min(0, ...known), -1);
    const [left, right, lane] = [30, 6, 16];
    const x = (place) => left + ((place + 0.5) / Math.max(scores.length, 40)) * (width - left - right);
    const y = (score) => 6 + ((top - Math.min(Math.max(score, bottom), top)) / (top - bottom)) * (height - lane - 12);
    const passed = known.length ? scores.filter((part) => part[1] === "p").map((part) => part[2]) : [];
    const count = (kind) => scores.filter((part) => part[1] === kind).length;
    chart.setAttribute(
      "aria-label",
      `Scores of the last ${scores.length} parts: ${count("p")} passed, ${count("f")} failed, ${count("n")} without a result` +
        (passed.length ? `; half of the passed are above ${median(passed).toFixed(2)}` : ""),
    );
    const made = [
      drawn("rect", { class: "over", x: left, y: 0, width: Math.max(width - left - right, 0), height: y(1) }),
      drawn("path", { class: "edge", d: `M${left} ${y(1)}H${width - right}` }),
    ];
    for (const mark of [0, 1, 2, 3]) {
      if (mark > top || (mark > 1 && mark === Math.floor(top) && top - mark < 0.15)) continue;
      const label = drawn("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" });
      label.textContent = mark.toFixed(1);
      made.push(label);
    }
    const trend = [];
    const window = [];
    scores.forEach(([, kind, score], place) => {
      const across = x(place);
      if (kind === "n" || score === null) {
        made.push(drawn("rect", { class: "none", x: across - 3, y: height - lane + 3, width: 6, height: 6 }));
      } else if (kind === "p") {
        made.push(drawn("circle", { class: "pass", cx: across, cy: y(score), r: 2.2 }));
        window.push(score);
        if (window.length > 25) window.shift();
        if (window.length > 4) trend.push(`${across.toFixed(1)} ${y(median(window)).toFixed(1)}`);
      } else {
        const down = y(score);
        made.push(drawn("path", { class: "fail", d: `M${across - 3.5} ${down - 3.5}l7 7m0-7l-7 7` }));
      }
    });
    if (trend.length > 1) made.push(drawn("path", { class: "median", d: `M${trend.join("L")}` }));
    return made;
  });
}

function showHealth(rows) {
  renew("health", JSON.stringify(rows), () =>
    rows.map((row) => element("div", row.is_well ? "" : "ill", element("dt", "", row.name), element("dd", "", row.value))),
  );
}

function showAttention(list) {
  $("attention").hidden = !list.length;
  if (!list.length) return;
  const number = list.length > 1 ? ` (${list.length})` : "";
  say("attention-title", `Needs attention${number}: ${list[0].what}`);
  renew("attention-list", JSON.stringify(list), () =>
    list.map((one) => element("li", "", one.what, element("p", "", `What to do: ${one.remedy}`))),
  );
}

function show(told) {
  document.title = `${told.state.word} - ${told.station}`;
  say("station", told.station);
  if (told.age_ms !== null && told.age_ms > AGE_MAX_MS) {
    showState("no_answer", "No answer", `The station has said nothing for ${span(told.age_ms / 1000)}.`, "", "");
    return;
  }
  showState(told.state.kind, told.state.word, told.state.why, told.state.remedy, told.state.machine);
  if (told.parts === undefined) return;
  say("clock", `up ${span(told.uptime_s)}`);
  showLast(told.run, told.last);
  showCounts(told.parts, told.last_hour);
  showRejects(told.run, told.rejects);
  renewCloser(told);
  showScores(told.scores);
  showAttention(told.attention);
  showHealth(told.health);
}

function showLost() {
  document.title = "No connection";
  showState(
    "lost",
    "No connection",
    "This page does not reach the station. What stands below was true before.",
    "If it stays so: is the station switched on, and is it running?",
    "",
  );
}

async function ask() {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_MAX_MS);
  try {
    const answer = await fetch("/api/state", { signal: stop.signal, cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return await answer.json();
  } finally {
    clearTimeout(timer);
  }
}

let seen = -Infinity;
let failed = 0;

async function turn() {
  try {
    const told = await ask();
    [seen, failed] = [performance.now(), 0];
    show(told);
  } catch {
    // One failure alone is what a connection makes that was closed while it idled.
    failed += 1;
    if (failed > 1 || performance.now() - seen > AGE_MAX_MS) showLost();
  }
  const beat = document.body.classList;
  const isFirst = !beat.contains("beat-a");
  beat.toggle("beat-a", isFirst);
  beat.toggle("beat-b", !isFirst);
  setTimeout(turn, failed === 1 ? 100 : EVERY_MS);
}

// A screen that was asleep shows what was true then.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && performance.now() - seen > AGE_MAX_MS) showLost();
});
turn();

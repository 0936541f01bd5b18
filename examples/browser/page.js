// What the visitor sees: the form, two texts that grow, sizes and speeds. The models run in a worker (models.js).

const $ = (selector, of = document) => of.querySelector(selector);
const [form, prompt, write, stop, pace] = ['#ask', '#prompt', '#write', '#stop', '#pace'].map((id) => $(id));

/** Letters a second at reading pace. */
const READING = 40;
/** More threads than that only wait for each other in models of this size. */
const MOST_THREADS = 4;

const panes = Object.fromEntries(
  ['dense', 'pruned'].map((name) => {
    const element = $(`[data-model=${name}]`);
    element.dataset.state = 'loading';
    return [name, { element, figures: {}, text: '', shown: 0, over: true }];
  }),
);

let run = 0;
let writing = false;
let ready = false;
let failed = false;

const worker = new Worker(new URL('./models.js', import.meta.url), { type: 'module' });
worker.addEventListener('message', ({ data }) => receive(data));
worker.addEventListener('error', (event) => fail(event.message || 'The script of the models could not be loaded.'));

// Threads share memory, which a browser allows to pages that are isolated from others (two headers of the server).
const asked = Number(new URLSearchParams(location.search).get('threads'));
const possible = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
const folder = (name) => new URL(`models/${name}/`, document.baseURI).href;
worker.postMessage({
  load: {
    folders: { dense: folder('dense'), pruned: folder('pruned') },
    threads: crossOriginIsolated && Number.isInteger(asked) && asked >= 1 ? asked : possible,
  },
});

function receive({ name, loaded, total, ready: model, run: of, begun, text, tokensPerSecond, done, end, failure }) {
  if (failure) return fail(failure);
  if (failed) return;
  if (model) return arrived(name, model);
  if (name && total) return progress(name, loaded, total);
  if (loaded) return start();
  if (of !== run || !writing) return;
  const pane = panes[name];
  if (begun) {
    pane.element.dataset.state = 'writing';
    tell(pace.checked ? 'They are writing …' : `The ${name} model is writing …`);
  } else if (text) pane.text += text;
  else if (tokensPerSecond) {
    figure(name, 'speed', tokensPerSecond, Math.round(tokensPerSecond).toLocaleString());
    if (done) pane.over = true;
  } else if (end) finish(end);
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function progress(name, loaded, total) {
  const { element } = panes[name];
  $('progress', element).value = loaded / total;
  figure(name, 'size', total, megabytes(total));
  tell(`Loading the ${name} model: ${megabytes(loaded)} of ${megabytes(total)} …`);
}

function arrived(name, { bytes, zeros, parameters, engine }) {
  panes[name].element.dataset.state = 'idle';
  figure(name, 'size', bytes, megabytes(bytes));
  figure(name, 'zeros', zeros, `${(100 * zeros).toFixed(zeros && 1)} %`, 1);
  const threads = engine.threads > 1 ? `${engine.threads} threads` : 'one thread';
  const why = crossOriginIsolated ? '' : ' (this page is not cross-origin isolated)';
  $('#engine').textContent =
    `${(parameters / 1e6).toFixed(1)} million parameters · WebAssembly, ${engine.simd} SIMD, ${threads}${why}`;
}

function start() {
  ready = true;
  write.disabled = false;
  tell('Both models are loaded.');
}

/** A figure and its bar: a share of `most`, or of the larger one of both models. */
function figure(name, what, value, text, most) {
  panes[name].figures[what] = value;
  $(`[data-figure=${what}]`, panes[name].element).textContent = text;
  const largest = most ?? Math.max(...Object.values(panes).map(({ figures }) => figures[what] ?? 0));
  for (const { element, figures } of Object.values(panes))
    $(`[data-figure=${what}] + .bar i`, element).style.width = `${(100 * (figures[what] ?? 0)) / largest}%`;
}

const tell = (text) => {
  $('#status').textContent = text;
};

function fail(message) {
  $('#failure').textContent = message;
  $('#failure').hidden = false;
  failed = !ready;
  if (writing) finish('stopped');
  else tell('Something went wrong.');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!ready || writing) return;
  $('#failure').hidden = true;
  run++;
  writing = true;
  write.disabled = true;
  stop.disabled = false;
  for (const pane of Object.values(panes)) {
    Object.assign(pane, { text: '', shown: 0, over: false });
    delete pane.figures.speed;
    $('[data-figure=speed]', pane.element).textContent = '–';
    $('[data-figure=speed] + .bar i', pane.element).style.width = '0';
    $('.prompt', pane.element).textContent = prompt.value;
    $('.new', pane.element).textContent = '';
  }
  const [maxTokens, temperature] = ['#tokens', '#temperature'].map((id) => Number($(id).value));
  worker.postMessage({ write: { run, prompt: prompt.value, maxTokens, temperature, seed: run } });
  requestAnimationFrame(show);
});

let drawn = 0;
let owed = 0;

/** Shows what has come: all of it, or as much as can be read. */
function show(now) {
  owed = Math.min(owed + ((now - drawn) / 1000) * READING, READING / 4);
  drawn = now;
  const letters = Math.floor(owed);
  owed -= letters;
  for (const pane of Object.values(panes)) {
    const { text, shown, element } = pane;
    if (shown < text.length) {
      pane.shown = pace.checked ? Math.min(text.length, shown + letters) : text.length;
      $('.new', element).append(text.slice(shown, pane.shown));
    }
    if (pane.over && pane.shown === text.length && element.dataset.state === 'writing') element.dataset.state = 'idle';
  }
  if (writing || Object.values(panes).some(({ text, shown }) => shown < text.length)) requestAnimationFrame(show);
  else rest();
}

let ended = 'finished';

/** Nothing more comes; at reading pace some of it may still be shown. */
function finish(end) {
  ended = end;
  writing = false;
  for (const pane of Object.values(panes)) {
    pane.over = true;
    if (end === 'stopped') pane.text = pane.text.slice(0, pane.shown);
  }
}

function rest() {
  for (const { element } of Object.values(panes))
    if (element.dataset.state === 'writing') element.dataset.state = 'idle';
  write.disabled = !ready;
  stop.disabled = true;
  const { dense, pruned } = panes;
  const faster = pruned.figures.speed / dense.figures.speed;
  const smaller = dense.figures.size / pruned.figures.size;
  tell(
    ended === 'stopped'
      ? 'Stopped.'
      : `Done: the pruned model is ${smaller.toFixed(1)} times smaller, and wrote ${faster.toFixed(2)} times as fast.`,
  );
}

function halt() {
  if (stop.disabled) return;
  worker.postMessage({ stop: true });
  finish('stopped');
}

stop.addEventListener('click', halt);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') halt();
});
prompt.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
for (const button of document.querySelectorAll('.beginnings button'))
  button.addEventListener('click', () => {
    prompt.value = button.textContent;
    form.requestSubmit();
  });
for (const range of document.querySelectorAll('[type=range]')) {
  const told = () => {
    $(`[for=${range.id}]`).textContent = range.value;
  };
  range.addEventListener('input', told);
  told();
}

// What the rounds of several engines come to: the best of each, ratios to windrow, and whether the outputs hold.
import { engineNamed } from './engines.mjs';

const columns = /** @type {const} */ ([['prefill', Math.max], ['decode', Math.max], ['cpuPrefill', Math.min], ['cpuDecode', Math.min]]);

/** Plain data of one prompt length, for the table and for JSON. llama.cpp's texts have to begin with `sameText` characters of windrow's. */
export function summarise(started, promptTokens, newTokens, sameText = 0) {
  const rows = started.map(({ name, about, rounds }) => ({
    name, kind: engineNamed(name).kind, what: engineNamed(name).what, about, rounds, text: rounds[0].text,
    ...Object.fromEntries(columns.map(([column, best]) => [column, best(...rounds.map((round) => round[column]))])),
  }));
  const ours = rows.find(({ kind }) => kind === 'windrow');
  const versus = (kind) =>
    Object.fromEntries(['prefill', 'decode'].map((column) => {
      const peer = rows.filter((row) => row.kind === kind).sort((a, b) => b[column] - a[column])[0];
      return [column, ours && peer && { peer: peer.name, ratio: ours[column] / peer[column] }];
    }));
  return {
    promptTokens,
    newTokens,
    rows,
    gpu: versus('gpu'),
    cpu: versus('cpu'),
    wrong: [...check(rows, promptTokens, newTokens), ...departures(rows, sameText)],
  };
}

/** What is wrong with the outputs: an engine that does less, or something else each time, has no speed to compare. */
function check(rows, promptTokens, newTokens) {
  return rows.flatMap(({ name, rounds }) => [
    ...(rounds.every((round) => round.promptN === promptTokens && round.steps === newTokens) ? [] : [`${name} ran other numbers of tokens than asked for`]),
    ...(rounds.every((round) => round.text === rounds[0].text) ? [] : [`${name} answered differently in different rounds`]),
    ...(rounds[0].text.trim() ? [] : [`${name} wrote nothing`]),
  ]);
}

/** The same file at temperature 0: who leaves the other's text at once computes something else. Later, rounding may decide between tokens. */
function departures(rows, sameText) {
  const ours = rows.filter(({ kind }) => kind === 'windrow');
  const theirs = rows.filter(({ name }) => engineNamed(name).sameFile);
  return ours.flatMap(({ name, text }) => theirs.flatMap((peer) => {
    const needed = Math.min(sameText, text.length, peer.text.length);
    const same = common(text, peer.text);
    return same < needed ? [`${name} leaves the text of ${peer.name} after ${same} characters, where the first ${needed} have to be the same`] : [];
  }));
}

/** For people. */
export function tables({ promptTokens, newTokens, rows, gpu, cpu, wrong }) {
  const ours = rows.find(({ kind }) => kind === 'windrow');
  const cells = [
    ['engine', 'prefill', 'decode', 'CPU ms/token prefill', 'decode', ...(ours ? ['windrow is: prefill', 'decode'] : [])],
    ...rows.map((row) => [
      row.name, ...columns.map(([column]) => row[column].toFixed(2)),
      ...(!ours || row === ours ? [] : ['prefill', 'decode'].map((column) => `${(ours[column] / row[column]).toFixed(2)}x`)),
    ]),
  ];
  const widths = cells[0].map((_, i) => Math.max(...cells.map((line) => (line[i] ?? '').length)));
  const text = (line) => line.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
  return [
    `${promptTokens} prompt tokens, ${newTokens} decode steps; tokens/s, best of ${rows[0].rounds.length} interleaved rounds`,
    ...cells.map(text),
    ...['prefill', 'decode'].flatMap((column) =>
      gpu[column] ? [`${column}: ${gpu[column].ratio.toFixed(2)}x the best other GPU engine, ${gpu[column].peer}`] : [],
    ),
    ...['prefill', 'decode'].flatMap((column) =>
      cpu[column]?.ratio < 1 ? [`${column}: a CPU engine is faster on this machine, ${cpu[column].peer}: ${(1 / cpu[column].ratio).toFixed(2)}x windrow`] : [],
    ),
    ...rows.map(
      ({ name, text: written }) =>
        `${name} wrote ${JSON.stringify(written)}` +
        (ours && name !== ours.name ? `; its first ${common(written, ours.text)} of ${written.length} characters are windrow's` : ''),
    ),
    ...rows
      .filter(({ about }) => about.streamedBytes > 0)
      .map(
        ({ name, about }) =>
          `${name} STREAMS ${(about.streamedBytes / 2 ** 20).toFixed(1)} MiB of weights per token, as its budget is small: give --budget for the model as such`,
      ),
    ...wrong.map((message) => `WRONG: ${message}`),
  ].join('\n');
}

function common(a, b) {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}

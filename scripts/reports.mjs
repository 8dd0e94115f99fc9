// Reads the JSON reports of vitest and Playwright into counts. A report that is missing counts nothing: its runner failed.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * `failed` names each test that failed, with the first line of why; `files` has the tests that passed of each file and `times`
 * its milliseconds; `flaky` those that failed at first, which count as passed.
 * @typedef {{ passed: number, failed: string[], skipped: string[], flaky: string[], files: Map<string, number>, times: Map<string, number> }} Report
 */

/** @returns {Report} */
const empty = () => ({ passed: 0, failed: [], skipped: [], flaky: [], files: new Map(), times: new Map() });

const firstLine = (/** @type {string | undefined} */ text) => stripVTControlCharacters(text ?? '').split('\n', 1)[0].slice(0, 300);

function pass(/** @type {Report} */ report, /** @type {string} */ file) {
  report.passed++;
  report.files.set(file, (report.files.get(file) ?? 0) + 1);
}

/** @param {string} path @returns {Report} */
export function readVitestReport(path) {
  const report = empty();
  if (!existsSync(path)) return report;
  for (const { name, status, message, startTime, endTime, assertionResults } of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    const file = relative(process.cwd(), name);
    report.times.set(file, endTime - startTime);
    // A file that throws while it is loaded has no tests, and must not look like a pass.
    if (status === 'failed' && assertionResults.length === 0) report.failed.push(`${file}: ${firstLine(message)}`);
    for (const test of assertionResults) {
      if (test.status === 'passed') pass(report, file);
      else if (test.status === 'failed') report.failed.push(`${file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
      else report.skipped.push(`${file}: ${test.fullName}`);
    }
  }
  return report;
}

/** @param {string} path @returns {Report} */
export function readPlaywrightReport(path) {
  const report = empty();
  if (!existsSync(path)) return report;
  const { suites, errors } = JSON.parse(readFileSync(path, 'utf8'));
  const visit = (suite) => {
    for (const { file, title, tests } of suite.specs ?? []) {
      for (const test of tests) {
        report.times.set(file, test.results.reduce((sum, { duration }) => sum + duration, report.times.get(file) ?? 0));
        const why = test.annotations.find(({ type }) => type === 'skip')?.description;
        if (test.status === 'skipped') report.skipped.push(`${file}: ${title}${why ? ` (${why})` : ''}`);
        else if (test.status === 'unexpected') report.failed.push(`${file}: ${title}: ${firstLine(test.results.at(-1)?.error?.message)}`);
        else pass(report, file);
        if (test.status === 'flaky') report.flaky.push(`${file}: ${title}`);
      }
    }
    for (const inner of suite.suites ?? []) visit(inner);
  };
  for (const suite of suites) visit(suite);
  report.failed.push(...errors.map(({ message }) => firstLine(message)));
  return report;
}

// Reads the JSON reports of vitest and Playwright into counts. A report that is missing counts nothing: its runner failed.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * `files` has the tests that passed of each file; `flaky` those that failed at first, which count as passed.
 * @typedef {{ passed: number, failed: number, skipped: string[], flaky: string[], files: Map<string, number> }} Report
 */

/** @returns {Report} */
const empty = () => ({ passed: 0, failed: 0, skipped: [], flaky: [], files: new Map() });

function pass(/** @type {Report} */ report, /** @type {string} */ file) {
  report.passed++;
  report.files.set(file, (report.files.get(file) ?? 0) + 1);
}

/** @param {string} path @returns {Report} */
export function readVitestReport(path) {
  const report = empty();
  if (!existsSync(path)) return report;
  for (const { name, status, assertionResults } of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    const file = relative(process.cwd(), name);
    // A file that throws while it is loaded has no tests, and must not look like a pass.
    if (status === 'failed' && assertionResults.length === 0) report.failed++;
    for (const test of assertionResults) {
      if (test.status === 'passed') pass(report, file);
      else if (test.status === 'failed') report.failed++;
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
        const why = test.annotations.find(({ type }) => type === 'skip')?.description;
        if (test.status === 'skipped') report.skipped.push(`${file}: ${title}${why ? ` (${why})` : ''}`);
        else if (test.status === 'unexpected') report.failed++;
        else pass(report, file);
        if (test.status === 'flaky') report.flaky.push(`${file}: ${title}`);
      }
    }
    for (const inner of suite.suites ?? []) visit(inner);
  };
  for (const suite of suites) visit(suite);
  report.failed += errors.length;
  return report;
}

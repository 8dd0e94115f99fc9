// Reads the JSON reports of vitest and Playwright into counts. A report that is missing counts nothing: its runner failed.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @typedef {{ passed: number, failed: number, skipped: string[] }} Report */

/** @param {string} path @returns {Report} */
export function readVitestReport(path) {
  const report = { passed: 0, failed: 0, skipped: /** @type {string[]} */ ([]) };
  if (!existsSync(path)) return report;
  for (const file of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    // A file that throws while it is loaded has no tests, and must not look like a pass.
    if (file.status === 'failed' && file.assertionResults.length === 0) report.failed++;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') report.passed++;
      else if (test.status === 'failed') report.failed++;
      else report.skipped.push(`${relative(process.cwd(), file.name)}: ${test.fullName}`);
    }
  }
  return report;
}

/** @param {string} path @returns {Report} */
export function readPlaywrightReport(path) {
  const report = { passed: 0, failed: 0, skipped: /** @type {string[]} */ ([]) };
  if (!existsSync(path)) return report;
  const { suites, errors } = JSON.parse(readFileSync(path, 'utf8'));
  const visit = (suite) => {
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) {
        const why = test.annotations.find(({ type }) => type === 'skip')?.description;
        if (test.status === 'skipped') report.skipped.push(`${spec.file}: ${spec.title}${why ? ` (${why})` : ''}`);
        else if (test.status === 'expected') report.passed++;
        else report.failed++; // a flaky test is one that failed
      }
    }
    for (const inner of suite.suites ?? []) visit(inner);
  };
  for (const suite of suites) visit(suite);
  report.failed += errors.length;
  return report;
}

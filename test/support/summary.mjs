/**
 * How a run of tests ends: one line that both people and programs read.
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Summary
 */

/** What vitest's JSON report calls a test that did not run. */
const SKIPPED = ["skipped", "pending", "todo", "disabled"];

/**
 * Counts the tests of a vitest JSON report. A file that failed outside its tests (it does not load, a hook of it
 * throws) counts as one failure: such a file may report no failed test, and none at all.
 *
 * @param {{ testResults: readonly any[] }} report
 * @returns {Summary}
 */
export function summarize(report) {
  const summary = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of report.testResults) {
    const failedBefore = summary.failed;
    for (const test of assertionResults) {
      if (test.status === "passed") summary.passed++;
      else if (test.status === "failed") summary.failed++;
      else if (SKIPPED.includes(test.status)) summary.skipped++;
      else throw new Error(`Cannot count a test: its status is unknown, got ${test.status}`);
    }
    if (status === "failed" && summary.failed === failedBefore) summary.failed++;
  }
  return summary;
}

/**
 * The failed tests of a vitest JSON report, a line each: file, name, and the first line of why. A file that failed
 * outside its tests stands with its own message.
 *
 * @param {{ testResults: readonly any[] }} report
 * @returns {string[]}
 */
export function failures(report) {
  const firstLine = (/** @type {unknown} */ text) => String(text ?? "").split("\n", 1)[0];
  return report.testResults
    .filter(({ status }) => status === "failed")
    .flatMap(({ name, message, assertionResults }) => {
      const file = name.replace(/^.*\/test\//, "test/");
      const failed = assertionResults.filter((/** @type {any} */ test) => test.status === "failed");
      if (failed.length === 0) return [`${file}: ${firstLine(message)}`];
      return failed.map(
        (/** @type {any} */ test) => `${file} > ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`,
      );
    });
}

/**
 * Adds summaries up.
 *
 * @param {readonly Summary[]} summaries
 * @returns {Summary}
 */
export function addUp(summaries) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of summaries) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** @param {Summary} summary */
export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

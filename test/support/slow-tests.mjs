/**
 * Files of tests that take half of the time of all: `npm test` leaves them to `npm run test:rest`. They repeat much (a
 * fuzzer, faults at every byte, races), or judge the package with other tools (compilers, bundlers), which seldom turn.
 */

/** Their paths. */
export const slowTests = [
  "test/fuzz/codec.test.ts",
  "test/integration/cli/doctor.test.ts",
  "test/integration/cli/estimate.test.ts",
  "test/integration/cli/get-put.test.ts",
  "test/integration/cli/migrate-faults.test.ts",
  "test/integration/cli/migrate-hashes.test.ts",
  "test/integration/cli/migrate-scale.test.ts",
  "test/integration/cli/migrate.test.ts",
  "test/integration/dev/page-shots.test.ts",
  "test/integration/dev/persist.test.ts",
  "test/integration/next/outage.test.ts",
  "test/integration/readme/demo.test.ts",
  "test/integration/rest/faults-tcp.test.ts",
  "test/integration/site/site.test.ts",
  "test/integration/store/company.test.ts",
  "test/integration/store/faults-chaos.test.ts",
  "test/integration/store/faults-requests.test.ts",
  "test/integration/store/resume-pieces.test.ts",
  "test/integration/store/resume.test.ts",
  "test/integration/store/torn.test.ts",
  "test/integration/store/unversioned.test.ts",
  "test/integration/train/dict.test.ts",
  "test/integration/train/files.test.ts",
  "test/integration/train/keys.test.ts",
  "test/integration/versions/rollout.test.ts",
  "test/unit/cli/estimate.test.ts",
  "test/unit/codec/frame-runs.test.ts",
  "test/unit/codec/framings.test.ts",
  "test/unit/engine/pool-polling.test.ts",
  "test/unit/tools/alias.test.ts",
  "test/unit/tools/types.test.ts",
  "test/unit/tools/wasm-build.test.ts",
];

/** What vitest is told to run all others. */
export const withoutSlowTests = slowTests.flatMap((path) => ["--exclude", path]);

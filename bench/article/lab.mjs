/** Experiments of the network laboratory as sections of docs/article.md. */
import { interruption, runIn } from "../network/in-lab.mjs";

/**
 * What an experiment measures, in a lab of its own.
 *
 * @template {object} Result
 * @param {import("../network/experiments.mjs").Experiment<Result>} experiment
 * @param {boolean} quick
 * @returns {Promise<Result>}
 */
export async function measureInLab(experiment, quick) {
  const results = await runIn(experiment.lab, [experiment], {
    quick,
    interrupted: interruption(),
    progress: (_, { done, total, text }) => process.stderr.write(`${done}/${total} ${text}\n`),
  });
  const { seconds: _, load: __, ...result } = results[experiment.name];
  return /** @type {Result} */ (result);
}

/** The steps of a dictionary's life as changes of the manifest. Without I/O. */
import { idsOfRule, type Manifest, type PatternRule, type Retired } from "../dictionaries/manifest.ts";

/** Names a dictionary for a share of the keys of a pattern, or for all of them. */
export function withCanary(
  manifest: Manifest,
  pattern: string,
  id: number,
  share: number,
  at: number,
): Manifest {
  const known = manifest.patterns.some((rule) => rule.pattern === pattern);
  const rules = known ? manifest.patterns : [...manifest.patterns, { pattern, retired: [] }];
  return {
    ...manifest,
    patterns: rules.map((rule) => {
      if (rule.pattern !== pattern) return rule;
      if (rule.current === id) return { ...rule, canary: undefined, retired: after(rule, [], at) };
      if (share < 1) return { ...rule, canary: { id, share }, retired: after(rule, [rule.current, id], at) };
      return { ...rule, current: id, canary: undefined, retired: after(rule, [id], at) };
    }),
  };
}

/** Retires a dictionary everywhere: nobody writes with it any more. */
export function withoutUse(manifest: Manifest, id: number, at: number): Manifest {
  return {
    ...manifest,
    patterns: manifest.patterns.map((rule) => {
      const isCurrent = rule.current === id;
      const isCanary = rule.canary?.id === id;
      if (!isCurrent && !isCanary) return rule;
      return {
        ...rule,
        current: isCurrent ? undefined : rule.current,
        canary: isCanary ? undefined : rule.canary,
        retired: after(
          rule,
          [rule.current, rule.canary?.id].filter((one) => one !== id),
          at,
        ),
      };
    }),
  };
}

/**
 * Removes retired dictionaries from the manifest; rules without any dictionary stay, because they keep keys from
 * later rules.
 */
export function withoutRetired(manifest: Manifest, ids: ReadonlySet<number>): Manifest {
  return {
    ...manifest,
    patterns: manifest.patterns.map((rule) => ({
      ...rule,
      retired: rule.retired.filter(({ id }) => !ids.has(id)),
    })),
  };
}

/** The ids in use, and those that are retired everywhere, with the time when their last use ended. */
export function usesOf({ patterns }: Manifest): {
  readonly used: ReadonlySet<number>;
  readonly retired: ReadonlyMap<number, number>;
} {
  const used = new Set(
    patterns.flatMap(({ current, canary }) => [current, canary?.id]).filter((id) => id !== undefined),
  );
  const retired = new Map<number, number>();
  for (const { id, at } of patterns.flatMap((rule) => rule.retired))
    if (!used.has(id)) retired.set(id, Math.max(at, retired.get(id) ?? 0));
  return { used, retired };
}

/**
 * The retired dictionaries of a rule that will use only `kept`: those that it used before, and those that were
 * retired, each once.
 */
function after(rule: PatternRule, kept: readonly (number | undefined)[], at: number): Retired[] {
  const before = rule.retired.filter(({ id }) => !kept.includes(id));
  const ended = [rule.current, rule.canary?.id].filter(
    (id) => id !== undefined && !kept.includes(id) && !before.some((one) => one.id === id),
  ) as number[];
  return [...before, ...ended.map((id) => ({ id, at }))];
}

/** Returns true if a rule names an id in any role. */
export function names(rule: PatternRule, id: number): boolean {
  return idsOfRule(rule).includes(id);
}

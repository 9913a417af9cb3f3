// What others have published beside what was found here: judges and models differ, so directions are compared, not
// numbers.
import type { FactorValue } from '../cellResult.ts';
import type { ComparisonReport, Report } from './analysis.ts';
import type { PublishedNumber } from './reportOptions.ts';

/** `unclear`: no difference is detectable here, which says nothing of the published one. */
export type Agreement = 'same direction' | 'opposite direction' | 'unclear';

export interface Replication {
  readonly metric: string;
  readonly source: string;
  /** Of the group minus that of its baseline. */
  readonly published: number;
  readonly ours: ComparisonReport;
  readonly agreement: Agreement;
}

/** Published numbers of a group. */
export function publishedOf(
  { published }: Pick<Report, 'published'>,
  factors: Readonly<Record<string, FactorValue>>,
): PublishedNumber[] {
  return published.filter(({ where }) =>
    Object.entries(where).every(([name, value]) => (factors[name] ?? null) === value),
  );
}

/** Every difference from the baseline that one source has numbers of both sides for. */
export function replications(report: Report): Replication[] {
  const ofGroup = (label: string): PublishedNumber[] => {
    const group = report.groups.find((one) => one.label === label);
    return group === undefined ? [] : publishedOf(report, group.factors);
  };
  return report.metrics.flatMap(({ name, comparisons }) =>
    comparisons.flatMap((ours) =>
      ofGroup(ours.group).flatMap(({ source, measures }) => {
        const before = ofGroup(ours.baseline).find((other) => other.source === source)?.measures[name];
        const after = measures[name];
        if (before === undefined || after === undefined || after === before) return [];
        return [
          { metric: name, source, published: after - before, ours, agreement: agree(after - before, ours) },
        ];
      }),
    ),
  );
}

function agree(published: number, { verdict }: ComparisonReport): Agreement {
  if (verdict !== 'higher' && verdict !== 'lower') return 'unclear';
  return (verdict === 'higher') === published > 0 ? 'same direction' : 'opposite direction';
}

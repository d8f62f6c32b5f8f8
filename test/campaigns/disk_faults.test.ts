import type { ExecutionContext } from 'ava';
import { serverOnFailingDisk } from '../api/server_on_failing_disk.ts';
import type { DiskFaults } from '../disk_faults/disk_faults.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { DiskCampaign, type DiskCase } from './disk_campaign.ts';
import { DISK_SUBJECTS, type DiskSubjectKind } from './disk_subjects.ts';

/*
 * A disk is full, or fails, at any call by which a change comes to it: those of SQLite, of the audit log, of SoftHSM in the hosts. Whoever
 * asked is told so, nothing is lost or half there, and a server whose disk is well again needs nobody to start it anew.
 */

const KINDS = Object.keys(DISK_SUBJECTS) as DiskSubjectKind[];
const CASES_PER_LIFE = 20;
/** Of those that a lasting fault has met. */
const CALLS_TOLD = 3;

campaign('disk_faults', async (t, run) => {
  const { faults, server } = await serverOnFailingDisk(t, { STRONGROOM_AUDIT_DURABILITY: 'synced' });
  const disk = new DiskCampaign(server, faults, run.random);
  await disk.begin();
  try {
    await inBothCustodies(t, run, disk, faults);
    await disk.finish();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    run.fail(`${reason}\n\nThe server has written:\n${server.output}`);
  }
  const { answers, met, restarts, hostsKilled, longestAnswerMs, longestRecoveryMs } = disk.tally;
  t.log([...answers].map(([answer, count]) => `${answer} ${count}`).join(', '));
  t.log([...met].toSorted().join('\n'));
  run.measure('places that failed', met.size);
  run.measure('restarts', restarts);
  run.measure('deaths of all hosts', hostsKilled);
  run.measure('slowest answer, ms', longestAnswerMs);
  run.measure('well again at the latest after, ms', longestRecoveryMs);
});

async function inBothCustodies(
  t: ExecutionContext,
  run: CampaignRun,
  disk: DiskCampaign,
  faults: DiskFaults,
): Promise<void> {
  for (const resident of [false, true]) {
    if (resident) await disk.restart(true);
    const share = resident ? run.count : Math.ceil(run.count / 2);
    // Short of time, the kinds take turns: which it is decides the seed.
    const kinds = run.isFull ? KINDS : run.random.shuffled(KINDS).slice(0, 3);
    const cases = run.random.shuffled(await disk.cases(kinds));
    t.log(`${cases.length} cases ${resident ? 'resident' : 'wrapped'}`);
    for (let index = 0; run.done < share; index++) {
      const each = cases[index % cases.length] as DiskCase;
      if (await attempt(run, disk, faults, each)) run.done += 1;
      if (index % CASES_PER_LIFE === CASES_PER_LIFE - 1) await disk.restart(resident);
    }
  }
  await disk.restart(true);
}

/** True where the fault was met. */
async function attempt(run: CampaignRun, disk: DiskCampaign, faults: DiskFaults, each: DiskCase): Promise<boolean> {
  try {
    return await disk.run(each);
  } catch (error) {
    const failed = faults.calls().flatMap(({ outcome, ...call }) => (outcome === 'done' ? [] : JSON.stringify(call)));
    const reason = error instanceof Error ? error.message : String(error);
    run.fail(`${JSON.stringify(each)}, met by ${failed.slice(0, CALLS_TOLD).join(', ')}: ${reason}`);
    await disk.startOver();
    return true;
  }
}

import test from 'ava';
import { type CampaignResult, readResults, withCampaignTable } from '../campaigns/results.ts';
import { CAMPAIGNS } from '../campaigns/table.ts';
import { projectFile } from '../style/project_files.ts';

test("README's table of campaigns is what their results make it (npm run test:campaigns -- --table)", (t) => {
  const page = projectFile('README.md');
  t.is(page, withCampaignTable(page, readResults()));
  for (const name of Object.keys(CAMPAIGNS)) t.true(page.includes(`\`${name}\``), name);
});

test('every result is of a campaign that there is, and says what, when, where and how long', (t) => {
  const isWhole = ({ campaign, count, failures, seconds, seed, date, commit, machine }: CampaignResult): boolean =>
    campaign in CAMPAIGNS &&
    [count, failures, seconds, seed].every((number) => Number.isInteger(number) && number >= 0) &&
    /^\d{4}-\d\d-\d\d$/.test(date) &&
    commit.length >= 7 &&
    machine.length > 10;
  t.deepEqual(
    readResults().filter((result) => !isWhole(result)),
    [],
  );
});

test('every campaign is declared in the file that its row names, and does less when it is short', (t) => {
  for (const [name, { file, full, short }] of Object.entries(CAMPAIGNS)) {
    t.regex(projectFile(file), new RegExp(`campaign\\(\\s*'${name}'`), name);
    t.true(short <= full, name);
  }
});

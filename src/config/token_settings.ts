import type { ConfigurationProblem } from './configuration_error.ts';
import type { Configuration } from './settings.ts';

type Hsm = Configuration['hsm'];
type TokenSettings = Pick<Hsm, 'module' | 'tokenLabel' | 'pinFile' | 'pinVariable' | 'moduleParameters'>;

const OF_ONE_TOKEN = ['module', 'tokenLabel', 'pinFile', 'pinVariable', 'moduleParameters'] as const;

/** No token is named: those that the server makes in the data directory are meant. */
export function hasOwnTokens({ hsm }: Configuration): boolean {
  return hsm.module === undefined && hsm.tokens.length === 0;
}

/** What is said of tokens, and does not go together. A value that was refused already counts as not given. */
export function tokenContradictions(configuration: Configuration): ConfigurationProblem[] {
  const { hsm } = configuration;
  const problems = hsm.tokens.length > 0 ? contradictionsOfSeveral(hsm) : contradictionsOfOne(hsm, 'hsm');
  if (hsm.ownTokens > 1 && !hasOwnTokens(configuration)) {
    const named = hsm.tokens.length > 0 ? 'hsm.tokens' : 'hsm.module';
    problems.push({ path: 'hsm.ownTokens', message: `Expected nothing, because ${named} is set.` });
  }
  if (hsm.isolation === 'thread' && needSeveralEnvironments(configuration)) {
    const message = 'Expected process: in one process every token would have the same variables of its module.';
    problems.push({ path: 'hsm.isolation', message });
  }
  return problems;
}

function contradictionsOfSeveral(hsm: Hsm): ConfigurationProblem[] {
  const given = OF_ONE_TOKEN.filter((name) => hsm[name] !== undefined);
  const problems = given.map((name) => ({
    path: `hsm.${name}`,
    message: 'Expected nothing, because hsm.tokens is set.',
  }));
  hsm.tokens.forEach((token, at) => {
    const path = `hsm.tokens[${at}]`;
    if (token.name === undefined) problems.push({ path: `${path}.name`, message: 'Expected a name for the token.' });
    if (token.module === undefined)
      problems.push({ path: `${path}.module`, message: 'Expected the path of a PKCS#11 module.' });
    problems.push(...contradictionsOfOne(token, path).filter((problem) => problem.path !== `${path}.module`));
    const before = hsm.tokens.slice(0, at);
    const namesake = before.findIndex(({ name }) => name !== undefined && name === token.name);
    if (namesake >= 0)
      problems.push({ path: `${path}.name`, message: `Expected another name than that of hsm.tokens[${namesake}].` });
    const same = before.findIndex((other) => isSameToken(other, token));
    if (same >= 0)
      problems.push({
        path: `${path}.tokenLabel`,
        message: `Expected another token than that of hsm.tokens[${same}].`,
      });
  });
  return problems;
}

function contradictionsOfOne(token: TokenSettings, path: string): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const need = (name: string, message: string) => problems.push({ path: `${path}.${name}`, message });
  const { module, tokenLabel, pinFile, pinVariable, moduleParameters } = token;
  if (pinFile !== undefined && pinVariable !== undefined)
    need('pinVariable', `Expected nothing, because ${path}.pinFile is set.`);
  if (module !== undefined) {
    const because = `because ${path}.module is set.`;
    if (tokenLabel === undefined) need('tokenLabel', `Expected the label of a token, ${because}`);
    if (pinFile === undefined && pinVariable === undefined)
      need('pinFile', `Expected a path (or ${path}.pinVariable), ${because}`);
  } else if (tokenLabel !== undefined || pinFile !== undefined || pinVariable !== undefined) {
    need('module', `Expected a path, because ${path}.tokenLabel, ${path}.pinFile or ${path}.pinVariable is set.`);
  } else if (moduleParameters !== undefined) {
    need('module', `Expected a path, because ${path}.moduleParameters is set.`);
  }
  return problems;
}

function isSameToken(one: TokenSettings, other: TokenSettings): boolean {
  const names = ['module', 'tokenLabel', 'moduleParameters'] as const;
  return one.module !== undefined && names.every((name) => one[name] === other[name]);
}

/** A module learns from variables which token it is to have, and threads share those of their process. */
function needSeveralEnvironments(configuration: Configuration): boolean {
  const { tokens, ownTokens } = configuration.hsm;
  if (hasOwnTokens(configuration)) return ownTokens > 1;
  return new Set(tokens.map(({ moduleParameters }) => moduleParameters)).size > 1;
}

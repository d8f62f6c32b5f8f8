export interface ConfigurationProblem {
  /** The setting in dots (`hsm.pinFile`), or the file itself. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with the configuration, at once. The command line ends with 78 (EX_CONFIG of sysexits.h) on it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

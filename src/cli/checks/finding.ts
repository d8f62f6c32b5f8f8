/** What one look at the machine showed. */
export interface Finding {
  readonly subject: string;
  readonly verdict: 'good' | 'doubtful' | 'bad';
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export function good(subject: string, text: string): Finding {
  return { subject, verdict: 'good', text };
}

export function doubtful(subject: string, text: string, remedy: string): Finding {
  return { subject, verdict: 'doubtful', text, remedy };
}

export function bad(subject: string, text: string, remedy: string): Finding {
  return { subject, verdict: 'bad', text, remedy };
}

import type { Call } from '../route.ts';
import { type AccessQuestionBody, accessExplanationBody, readAccessQuestion } from '../wire/access_explanation.ts';

export async function explainAccess({ parts }: Call, body: AccessQuestionBody): Promise<string> {
  return accessExplanationBody(parts.roles.explain(readAccessQuestion(body)));
}

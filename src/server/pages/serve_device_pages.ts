import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DEVICE_PATH } from '../../identity/embedded/device_authorization.ts';
import type { EntraError } from '../../identity/embedded/entra_error.ts';
import type { WaitingDevice } from '../../identity/embedded/sign_ins.ts';
import { callerAddress, formOf, issuerOrigin } from '../issuer_request.ts';
import { deviceCodePage, deviceDecisionPage } from './device_pages.ts';
import { checkForm, guardForm } from './form_guard.ts';
import { noticePage } from './notice_page.ts';
import type { PageParts } from './page_parts.ts';
import { recordSignIn } from './record_sign_in.ts';
import { complaintAbout, requireEntraError, sendPage } from './send_page.ts';
import type { FormState } from './sign_in_page.ts';

/** Where people enter the code of a device, see what asks, and let it or not (RFC 8628 §3.3). */
export function serveDevicePages(app: FastifyInstance, parts: PageParts): void {
  const { signIns, hsm } = parts;
  const show = (request: FastifyRequest, reply: FastifyReply, device?: WaitingDevice, error?: EntraError) => {
    const { token, cookie } = guardForm(request.headers, DEVICE_PATH);
    reply.header('set-cookie', cookie);
    const complaint = error === undefined ? undefined : complaintAbout(error);
    const userName = formOf(request).get('user_name') ?? '';
    const form: FormState = { token, userName, complaint, status: error?.status ?? 200 };
    if (device === undefined) return sendPage(reply, deviceCodePage(form));
    const { userCode, application, request: asked } = device;
    const shown = { userCode, application: application.displayName, hsm, address: asked.address };
    return sendPage(reply, deviceDecisionPage(shown, form));
  };

  app.get(DEVICE_PATH, async (request, reply) => show(request, reply));
  app.post(DEVICE_PATH, async (request, reply) => {
    const form = formOf(request);
    checkForm(request.headers, issuerOrigin(request), DEVICE_PATH, form.get('form_token'));
    const address = callerAddress(request);
    let device: WaitingDevice | undefined;
    try {
      device = await signIns.findDevice(form.get('user_code') ?? '', address);
      const decision = form.get('decision');
      if (decision === null) return show(request, reply, device);
      if (decision !== 'allow') {
        await signIns.declineDevice(device);
        return sendPage(reply, noticePage(200, 'Declined', 'The device gets nothing. You can close this page.'));
      }
      const shown = { userName: form.get('user_name') ?? '', password: form.get('password') ?? '', address };
      const found = device;
      await recordSignIn(parts, request, { ...found, userName: shown.userName }, () =>
        signIns.allowDevice(found, shown),
      );
      return sendPage(reply, noticePage(200, 'You are signed in', 'Go back to your device. You can close this page.'));
    } catch (thrown) {
      const error = requireEntraError(thrown);
      return show(request, reply, error.code === 'userCodeUnknown' ? undefined : device, error);
    }
  });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { peerOwner } from '../../src/server/managed_identity/peer_owner.ts';
import { testAsRoot } from '../fixtures/test_unless.ts';

const OTHER_USER = 12_345;

/** Accepts one connection, and gives its end here. */
async function accepted(host: string, dial: (port: number) => void): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, host);
  await once(server, 'listening');
  const incoming = once(server, 'connection') as Promise<[Socket]>;
  dial((server.address() as AddressInfo).port);
  const [socket] = await incoming;
  server.close();
  return socket;
}

/** A process of that user that connects, says so, and does with the connection what the program says. */
function dialAs(user: number, host: string, then = ''): (port: number) => void {
  return (port) => {
    const program = `const s = require('node:net').connect(${port}, '${host}', () => { ${then} }); s.on('error', () => 0);`;
    spawn(process.execPath, ['-e', program], { uid: user, stdio: 'ignore' }).unref();
  };
}

for (const [what, listen, dial] of [
  ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['::1', '::1', '::1'],
  ['127.0.0.1 by a socket of IPv6', '127.0.0.1', '::ffff:127.0.0.1'],
  ['127.8.9.10', '127.8.9.10', '127.8.9.10'],
] as const) {
  test(`the owner of a connection to ${what} is the one whose process it is`, async (t) => {
    let client: Socket | undefined;
    const socket = await accepted(listen, (port) => {
      client = connect(port, dial);
    });
    t.is(await peerOwner(socket), process.getuid?.());
    client?.destroy();
    socket.destroy();
  });

  testAsRoot(`a process of another user at ${what} is told from ours`, async (t) => {
    const socket = await accepted(listen, dialAs(OTHER_USER, dial));
    t.is(await peerOwner(socket), OTHER_USER);
    socket.destroy();
  });
}

testAsRoot('who has gone is nobody, and never root', async (t) => {
  const socket = await accepted('127.0.0.1', dialAs(OTHER_USER, '127.0.0.1', 's.destroy(); process.exit()'));
  socket.resume();
  await once(socket, 'end');
  t.is(await peerOwner(socket), undefined);
  socket.destroy();
});

test('who has closed is nobody, while the other side is open still', async (t) => {
  let client: Socket | undefined;
  const socket = await accepted('127.0.0.1', (port) => {
    client = connect(port, '127.0.0.1');
  });
  client?.end();
  socket.resume();
  await once(socket, 'end');
  t.is(await peerOwner(socket), undefined);
  client?.destroy();
  socket.destroy();
});

test('without a connection there is no owner', async (t) => {
  t.is(await peerOwner({ remoteAddress: undefined } as Socket), undefined);
  const nobody = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
  t.is(await peerOwner(nobody as Socket), undefined);
  t.is(await peerOwner({ ...nobody, remoteAddress: '192.0.2.1' } as Socket), undefined);
});
